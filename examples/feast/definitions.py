"""What Feast knows of the features that `weir features` writes to data/features.parquet."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

card = Entity(name="card", join_keys=["card"], value_type=ValueType.STRING)

payments = FileSource(
    name="payments",
    path="data/features.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)

names = ["payments_1h", "spent_24h", "mean_30d", "amount_z", "countries_24h", "seconds_since"]

card_features = FeatureView(
    name="card_features",
    entities=[card],
    ttl=timedelta(days=30),
    schema=[Field(name=name, dtype=Float64) for name in names],
    source=payments,
)
