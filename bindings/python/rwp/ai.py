"""Language models by URL: 'local:' works offline, 'openai:' and 'http://HOST:PORT/v1' ask a service.

    reply = rwp.ai.chat("Name a fruit.", url="openai:gpt-4o-mini", key=key)
    vectors = rwp.ai.embed(["apple", "pear"]).vectors

These open the model for one call; hold a Model for many.
"""

from __future__ import annotations

import datetime
from typing import Any, Dict, Iterable, Optional, Union

from ._native import ChatReply, EmbedReply, Model, TokenUsage

__all__ = ["ChatReply", "EmbedReply", "Model", "TokenUsage", "chat", "embed"]

Messages = Union[str, Iterable[Dict[str, str]]]
Duration = Union[datetime.timedelta, float]


def chat(
    messages: Messages,
    *,
    url: str = "local:",
    key: Optional[str] = None,
    model: Optional[str] = None,
    schema: Optional[Dict[str, Any]] = None,
    temperature: Optional[float] = None,
    max_output_tokens: Optional[int] = None,
    timeout: Optional[Duration] = None,
    tenant: Optional[str] = None,
    kind: Optional[str] = None,
) -> ChatReply:
    """Asks the model at `url` once; see Model.chat()."""
    with Model(url, key=key) as opened:
        return opened.chat(messages, model=model, schema=schema, temperature=temperature,
                           max_output_tokens=max_output_tokens, timeout=timeout, tenant=tenant,
                           kind=kind)


def embed(
    inputs: Iterable[str],
    *,
    url: str = "local:",
    key: Optional[str] = None,
    model: Optional[str] = None,
    dimensions: Optional[int] = None,
    timeout: Optional[Duration] = None,
    tenant: Optional[str] = None,
    kind: Optional[str] = None,
) -> EmbedReply:
    """Turns texts into vectors with the model at `url`; see Model.embed()."""
    with Model(url, key=key) as opened:
        return opened.embed(inputs, model=model, dimensions=dimensions, timeout=timeout,
                            tenant=tenant, kind=kind)
