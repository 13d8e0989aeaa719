"""
Everything that can go wrong with a response of `FakeClaude`, by where it goes wrong.

* `wire.py`: what happens on the connection between two writes (a wait, a dropped connection). A new one is a subclass of
  `WireFault`, and nothing else needs to know it.
* `bad_frames.py`: frames that the API should never send in the body of a message.
* `error_event.py`: the API's own `error` event.
* `event_order.py`: a reply with its events left out, swapped or numbered otherwise, or cut by another reply.
* `responses.py`: another response in place of the stream: an HTTP error, a redirect, a gateway's page, a JSON document.

`ends.py` refuses what comes after an end, because it would never be sent. Publish a new fault's name in
`streamkit/testing/_api.py`. The faults that `streamkit serve --fail` names are in `streamkit/cli/commands/serve.py`.
"""
