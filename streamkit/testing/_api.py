"""
The names that `streamkit.testing` publishes, each imported from where it is defined. `streamkit/testing/__init__.py` reads
this list, and imports a name when it is used.
"""

from streamkit.testing._fake_claude.blocks import (
    Block as Block,
    text as text,
    thinking as thinking,
    tool_use as tool_use,
)
from streamkit.testing._fake_claude.connection import Connection as Connection, Request as Request
from streamkit.testing._fake_claude.faults.bad_frames import (
    GARBAGE as GARBAGE,
    error_frame as error_frame,
    huge as huge,
)
from streamkit.testing._fake_claude.faults.error_event import ErrorEvent as ErrorEvent
from streamkit.testing._fake_claude.faults.event_order import (
    reindexed as reindexed,
    spliced as spliced,
    swapped as swapped,
    without as without,
)
from streamkit.testing._fake_claude.faults.responses import (
    error_reply as error_reply,
    json_body as json_body,
    page as page,
    redirect as redirect,
)
from streamkit.testing._fake_claude.faults.wire import (
    Drop as Drop,
    Pause as Pause,
    Pings as Pings,
    Stall as Stall,
    Step as Step,
)
from streamkit.testing._fake_claude.frames import PING as PING, event as event
from streamkit.testing._fake_claude.reply import Reply as Reply
from streamkit.testing._fake_claude.server import FakeClaude as FakeClaude, Script as Script
from streamkit.testing._fake_claude.streamed_message import reply as reply
from streamkit.testing._operator_suite.probe import Probe as Probe
from streamkit.testing._operator_suite.suite import OperatorSuite as OperatorSuite
from streamkit.testing._recorder import record as record
from streamkit.testing._virtual_time.backend import (
    run_virtual as run_virtual,
    virtual_backend as virtual_backend,
)
from streamkit.testing._virtual_time.deadlock import DeadlockError as DeadlockError
