"""The outside world behind ports: stores, web, code hosts, language models."""
