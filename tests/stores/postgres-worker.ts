// Counts a task up, as often as it is told, against others that do the same: node postgres-worker.ts <connection>
// <times> It watches, and closes nothing: it has to end all the same.
import { Pool } from "pg";
import { postgresStore } from "../../pkg-template/src/stores/postgres.ts";

const [connection = "", times] = process.argv.slice(2);
const store = postgresStore(new Pool({ ...JSON.parse(connection), allowExitOnIdle: true }), { schema: "made_by_four" });
store.watch?.(() => {});
const first = { owner: "alice", id: "counter", version: 1, createdAt: 1, dueAt: null, state: "0", payload: null };
await store.put(first);
for (let done = 0; done < Number(times); ) {
  const { version, state } = (await store.get("alice", "counter"))!;
  if (await store.put({ ...first, version: version + 1, state: String(Number(state) + 1), payload: undefined }))
    done += 1;
}
