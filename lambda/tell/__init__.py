"""Tells people what happened, why, what it costs and what to do: by mail, and in chats."""
