"""
What is said: the events, the message that they add up to, and what is known of them.

* What there is: `kinds` (the table), `deltas`, `content_blocks`, `events`, `stop_reasons`, `errors`, `retriable`.
* From bytes to events and back: `sse`, `codec`, `structs`, `progress`.
* What they add up to: `message`, `block`, `tool_blocks`, `tool_call`, `tool_json`, `usage`, `pieces`, `content`, `sdk_message`.
* What a run's outcome and report say of it: `record`, `attempt`, `figures`, `facts`.
"""
