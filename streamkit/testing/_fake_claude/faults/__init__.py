"""
Everything that can go wrong with a response of `FakeClaude`, by where it goes wrong.

* `wire.py`: what happens on the connection between two writes (a wait, a dropped connection). A new one is a subclass of
  `WireFault`, and nothing else needs to know it.
* `events.py`: frames that the API should never send in the body of a message, and its own `error` event.
* `edits.py`: a reply with its events left out, swapped or numbered otherwise.
* `responses.py`: another response in place of the stream: an HTTP error, a redirect, a gateway's page.

Where it is a name of its own, publish it in `streamkit/testing/_api.py`. The faults that `streamkit serve --fail` names are in
`streamkit/cli/commands/serve.py`.
"""
