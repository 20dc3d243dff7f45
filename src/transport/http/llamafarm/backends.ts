import type { FastifyInstance } from "fastify";
import type { Kind } from "../../../models/kinds.ts";
import { described } from "./openapi.ts";
import { streamRouteDescriptions } from "./stream-schemas.ts";
import { answer, type LlamaFarmParts } from "./parts.ts";

interface Backend {
  readonly backend: Kind;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly speed: "very_fast" | "fast" | "medium" | "slow";
  readonly memory: "low" | "medium" | "high";
  readonly parameters: readonly string[];
  readonly best_for: string;
  readonly is_legacy: boolean;
}

/** In the order of LlamaFarm's answer: by category, then by name. */
const backends: readonly Backend[] = [
  {
    backend: "isolation_forest",
    name: "Isolation Forest",
    description: "Random splits set rare points apart early: short paths are anomalies.",
    category: "legacy",
    speed: "fast",
    memory: "medium",
    parameters: ["n_estimators", "max_samples", "contamination"],
    best_for: "A first choice for most data, many columns included",
    is_legacy: true,
  },
  {
    backend: "local_outlier_factor",
    name: "Local Outlier Factor",
    description: "Compares how dense a point's neighbourhood is with its neighbours' own.",
    category: "legacy",
    speed: "medium",
    memory: "high",
    parameters: ["n_neighbors", "contamination"],
    best_for: "Clusters of unlike density, local outliers",
    is_legacy: true,
  },
  {
    backend: "one_class_svm",
    name: "One-Class SVM",
    description: "Learns a boundary around the training rows; what lies outside is anomalous.",
    category: "legacy",
    speed: "slow",
    memory: "high",
    parameters: ["kernel", "nu", "gamma"],
    best_for: "Small, clean training data",
    is_legacy: true,
  },
  {
    backend: "copod",
    name: "COPOD",
    description: "Tail probabilities of an empirical copula, column by column.",
    category: "fast",
    speed: "fast",
    memory: "low",
    parameters: ["contamination"],
    best_for: "Scores that can be traced to columns",
    is_legacy: false,
  },
  {
    backend: "ecod",
    name: "ECOD",
    description: "Tail probabilities of each column's empirical distribution, summed.",
    category: "fast",
    speed: "fast",
    memory: "low",
    parameters: ["contamination"],
    best_for: "Streams, and whoever wants nothing to tune",
    is_legacy: false,
  },
  {
    backend: "hbos",
    name: "HBOS",
    description: "A histogram a column: values in low bins are anomalous.",
    category: "fast",
    speed: "very_fast",
    memory: "low",
    parameters: ["n_bins", "contamination"],
    best_for: "The least time a row",
    is_legacy: false,
  },
  {
    backend: "knn",
    name: "KNN",
    description: "The distance to the nearest training rows.",
    category: "distance",
    speed: "medium",
    memory: "high",
    parameters: ["n_neighbors", "method", "contamination"],
    best_for: "Data where distance means something",
    is_legacy: false,
  },
  {
    backend: "mcd",
    name: "MCD",
    description: "The Mahalanobis distance to a centre and covariance that outliers do not move.",
    category: "distance",
    speed: "medium",
    memory: "medium",
    parameters: ["contamination"],
    best_for: "Data that is about Gaussian, correlated columns",
    is_legacy: false,
  },
  {
    backend: "cblof",
    name: "CBLOF",
    description: "The distance to the nearest large cluster.",
    category: "clustering",
    speed: "medium",
    memory: "medium",
    parameters: ["n_clusters", "contamination"],
    best_for: "Data that falls into groups",
    is_legacy: false,
  },
  {
    backend: "suod",
    name: "SUOD",
    description: "Several kinds together, their scores averaged.",
    category: "ensemble",
    speed: "slow",
    memory: "high",
    parameters: ["base_estimators", "contamination"],
    best_for: "Robust results where time matters less",
    is_legacy: false,
  },
  {
    backend: "loda",
    name: "LODA",
    description: "Histograms over sparse random projections.",
    category: "streaming",
    speed: "fast",
    memory: "low",
    parameters: ["n_bins", "n_random_cuts", "contamination"],
    best_for: "Online data of many columns",
    is_legacy: false,
  },
  {
    backend: "autoencoder",
    name: "AutoEncoder",
    description: "A neural network that rebuilds its input: what it rebuilds badly is anomalous.",
    category: "deep_learning",
    speed: "slow",
    memory: "high",
    parameters: ["hidden_neurons", "epochs", "batch_size", "contamination"],
    best_for: "Complex relations in large data",
    is_legacy: true,
  },
];

const body = {
  object: "list",
  data: backends,
  total: backends.length,
  categories: [...new Set(backends.map(({ category }) => category))],
};

/** GET anomaly/backends. */
export function backendRoutes(app: FastifyInstance, prefix: string, parts: LlamaFarmParts): void {
  const options = described(prefix, streamRouteDescriptions.backends);
  app.get(`${prefix}/anomaly/backends`, options, (request, reply) =>
    answer(parts, request, reply, () => body),
  );
}
