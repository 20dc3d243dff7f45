"""A training set: for every labelled payment the features of its card as they were at that moment."""

import sys

import pandas as pd
from feast import FeatureStore

from definitions import card, card_features, names

store = FeatureStore(repo_path=".")
store.apply([card, card_features])

# Any table with the card and a time will do; here the labels were kept beside the features.
labels = pd.read_parquet("data/features.parquet", columns=["card", "event_timestamp", "is_fraud"])
training = store.get_historical_features(
    entity_df=labels, features=[f"card_features:{name}" for name in names]
).to_df()

training = training.sort_values(["event_timestamp", "card"], kind="stable")
training.to_csv(sys.argv[1] if len(sys.argv) > 1 else sys.stdout, index=False)
