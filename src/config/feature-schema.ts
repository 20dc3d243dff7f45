import * as z from "zod";
import { aggregateNames, encodeNames } from "./feature-traits.ts";
import { limits } from "./limits.ts";

const duration = (description: string, extra = "") =>
  z
    .string()
    .regex(new RegExp(`^(\\d+(\\.\\d+)? ?(ms|s|m|h|d|w)${extra})$`))
    .optional()
    .meta({ description, examples: ["90s", "15m", "1h", "30d"] });

const nameText = z.string().min(1).max(limits.inputNameBytesMax);

const windowSchema = z
  .strictObject({
    sliding: duration("The last so much time before and with the event."),
    hopping: z
      .strictObject({ size: duration("Length."), slide: duration("Divides the size.") })
      .optional()
      .meta({ description: "The last of the windows that end every slide." }),
    tumbling: duration(
      "From the last multiple of a duration since 1970; or day, week (from Monday), month.",
      "|day|week|month",
    ),
    session: duration("Events that are at most so far from the one before."),
    last: z.int().min(1).max(limits.exactEventsMax).optional().meta({
      description: "The last events that have the value and pass the filter.",
    }),
    global: z
      .strictObject({
        every_events: z.int().min(0).optional(),
        every: duration("Aligned to 1970."),
        on_change: z.boolean().optional().meta({ description: "When the value differs." }),
      })
      .optional()
      .meta({
        description:
          "All events of the key, as they were when the trigger last fired; no trigger = at every event.",
      }),
    time_zone: z.string().max(limits.timeZoneBytesMax).optional().meta({
      description: "Of day, week and month: a name as Europe/Berlin.",
      default: "UTC",
    }),
  })
  .meta({ description: "Exactly one kind of window; absent = all events of the key." });

const filterSchema = z
  .strictObject({
    input: nameText,
    equals: z.string().optional().meta({ description: "Category." }),
    differs: z.string().optional().meta({ description: "Category." }),
    less: z.number().optional(),
    at_most: z.number().optional(),
    greater: z.number().optional(),
    at_least: z.number().optional(),
    equal_to: z.number().optional(),
  })
  .meta({ description: "Events that count: one comparison of one input." });

const combination = (description: string) =>
  z
    .strictObject({ of: nameText, to: nameText })
    .optional()
    .meta({ description: `${description} Features or number inputs.` });

const featureSchema = z
  .strictObject({
    name: nameText,
    of: nameText.optional().meta({
      description: "Input; absent = the events themselves (count, rate, time_since).",
    }),
    aggregate: z.enum(aggregateNames).optional(),
    window: windowSchema.optional(),
    where: filterSchema.optional(),
    default_value: z.number().optional().meta({
      description:
        "While there is no value; to be written for all but count, sum, rate, distinct and encodings (0).",
    }),
    exclude_current: z.boolean().optional().meta({
      description: "The window ends before the event.",
      default: false,
    }),
    quantile: z.number().min(0).max(1).optional(),
    category: z.string().max(limits.categoryBytesMax).optional().meta({
      description: "Of share, time_since and onehot; absent = the event's own.",
    }),
    n: z.int().min(0).max(limits.categoryHashesMax).optional().meta({
      description:
        "Of lag: events back (1); of novelty: categories in a row (2); of hash: numbers (1000).",
    }),
    unit: duration("Of rate and time_since: 1s."),
    encode: z.enum(encodeNames).optional().meta({
      description: "Of a category, instead of an aggregate.",
    }),
    ratio: combination("of / to."),
    difference: combination("of - to."),
    hidden: z.boolean().optional().meta({
      description: "Computed and answered, not seen by the model.",
      default: false,
    }),
  })
  .meta({ description: "Derived from the inputs of the key's events." });

const policy = (description: string, byDefault: string) =>
  z.enum(["refuse", "score_only", "on_time"]).optional().meta({ description, default: byDefault });

const eventTimeSchema = z
  .strictObject({
    allowed_lateness: duration("An older event inside it takes its own place; 0s."),
    late: policy("What becomes of an event that is older.", "score_only"),
    future_tolerance: duration("Beyond arrival; 5m."),
    future: policy("What becomes of an event that is later.", "refuse"),
    exact_events: z
      .union([z.literal(0), z.int().min(limits.exactEventsMin).max(limits.exactEventsMax)])
      .optional()
      .meta({
        description: "Events of a key that are kept; longer windows are made of 32 panes.",
        default: 1024,
      }),
  })
  .meta({ description: "When an event is, and what becomes of those at the wrong time." });

/** The fields of a DetectorSpec about features. */
export const featureSchemas = {
  features: z.array(featureSchema).max(limits.derivedFeaturesMax).optional().meta({
    description: "What the model sees beside the inputs, a state for every key.",
  }),
  event_time: eventTimeSchema.optional(),
};
