"""
Everything that can go wrong with a response of `FakeClaude`, by where it goes wrong.

* `wire.py`: what happens on the connection between two writes (a wait, a dropped connection). A new one is a subclass of
  `WireFault`, and nothing else needs to know it.
* `bad_frames.py`: frames that the API should never send in the body of a message.
* `fault.py`: the API's own `error` event, and the order in which faults may stand in a reply.
* `event_order.py`: a reply with its events left out, swapped or numbered otherwise, or cut by another reply.
* `responses.py`: another response in place of the stream: an HTTP error, a redirect, a gateway's page, a JSON document.

Publish a name of its own in `streamkit/testing/_api.py`. The faults that `streamkit serve --fail` names are in
`streamkit/cli/commands/serve.py`.
"""
