import { workerData } from "node:worker_threads";
import { isWriterData } from "./writer-messages.ts";
import { JournalWriter } from "./writer.ts";

const data: unknown = workerData;
if (!isWriterData(data)) throw new Error("the journal's writer was started without its data");
new JournalWriter(data).run();
data.port.close();
