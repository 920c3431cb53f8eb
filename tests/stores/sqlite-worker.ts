// Counts a task up, as often as it is told, against others that do the same: node sqlite-worker.ts <file> <times>
// [watching]
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "../../pkg-template/src/stores/sqlite.ts";

const [file = "", times, watching] = process.argv.slice(2);
const store = sqliteStore(new DatabaseSync(file), { busyTimeout: 20_000, wal: true });
const first = { owner: "alice", id: "counter", version: 1, createdAt: 1, dueAt: null, state: "0", payload: null };
if (watching) store.watch?.(() => {}); // until the process ends, which it does not hold up
await store.put(first);
for (let done = 0; done < Number(times); ) {
  const { version, state } = (await store.get("alice", "counter"))!;
  if (await store.put({ ...first, version: version + 1, state: String(Number(state) + 1), payload: undefined }))
    done += 1;
}
