"""Topics that a checker refuses."""

from ensue import Engine

engine = Engine("sqlite:///shop.db")
engine.ingest("kafka://broker:9092/orders", event=3)  # E: mypy,pyright
engine.ingest("kafka://broker:9092/orders", format="avro")  # E: mypy,pyright
engine.ingest("kafka://broker:9092/orders", start="now")  # E: mypy,pyright
engine.ingest(topic="orders")  # E: mypy,pyright
