"""
Protocols that front-ends speak: each has an operator from events to what it sends, a response, and what makes a request of it.

`streamkit.ui.ai_sdk` is the AI SDK's, which `useChat` speaks.
"""
