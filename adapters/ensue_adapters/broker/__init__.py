"""A store whose log lies at a broker: lines that only keep an order, and views that are folded from them.

`store.py` holds the ports together. A port says a request (`outbox.py`), which travels in an envelope (`envelopes.py`)
over the wire (`wire.py`) to a line. `folder.py` reads the lines back in their one order, has the registers judge each
request, and writes what counts into the views (`views.py`). What a broker has to offer stands in `wire.py`; Kafka's is
in `ensue_adapters/kafka`.
"""
