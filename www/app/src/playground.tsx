// The playground: a server in a worker, a client in the page, and nothing else.
import { type ReactNode, StrictMode, useEffect, useState } from "react";
import { Button } from "react-aria-components";
import { createRoot } from "react-dom/client";
import { WorkerServer } from "./bridge.ts";
import { FrameList, Notice, Page, Questions, Status, TaskDetails, useFrames, useSession } from "./parts.tsx";
import { Session } from "./session.ts";

const session = new Session("playground");
const address = new URL("../playground-server/mcp", location.href);
const server = new WorkerServer(
  () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "playground" }),
);

async function connect(): Promise<void> {
  server.start();
  await session.connect(address, { fetch: server.fetch }, "2026-07-28");
}

function Playground(): ReactNode {
  const view = useSession(session);
  const frames = useFrames(session.frames);
  const [alive, setAlive] = useState(true);
  const [chosen, choose] = useState<string>();
  useEffect(() => {
    connect().catch(() => {});
  }, []);
  const kill = (): void => {
    server.kill();
    setAlive(false);
  };
  const revive = (): void => {
    server.start();
    setAlive(true);
    void session.resume();
  };
  const shown = view.tasks.find(({ entry }) => entry === chosen) ?? view.tasks[0];
  return (
    <Page title="Playground">
      <div className="lead">
        <h1>A task that survives</h1>
        <p>
          The server below runs in a worker of this page and keeps its tasks in your browser. Run a tool. While it
          works, kill the server, or reload the page: the task comes back, and goes on where it was.
        </p>
      </div>
      <Notice session={session} text={alive ? (view.notice ?? view.error) : undefined} />
      <div className="stage">
        <section className="panel" aria-label="The server">
          <h2>The server</h2>
          <p className="facts">
            <span className={`status ${alive ? "completed" : "failed"}`}>{alive ? "alive" : "killed"}</span>{" "}
            {view.server} {view.generation}
          </p>
          <div className="actions">
            <Button
              className="main"
              isDisabled={view.phase !== "open" || !alive}
              onPress={() => void session.run("fractal", {})}
            >
              Paint a fractal
            </Button>
            <Button
              className="main"
              isDisabled={view.phase !== "open" || !alive}
              onPress={() => void session.run("confirm", {})}
            >
              Ask me something
            </Button>
          </div>
          <div className="actions">
            {alive ? (
              <Button className="danger" onPress={kill}>
                Kill the server
              </Button>
            ) : (
              <Button className="main" onPress={revive}>
                Start it again
              </Button>
            )}
            <Button className="plain" onPress={() => location.reload()}>
              Reload the page
            </Button>
          </div>
          <h2>Tasks</h2>
          {view.tasks.length === 0 && <p className="empty">None yet. Paint a fractal.</p>}
          <ul className="tasks">
            {view.tasks.slice(0, 50).map((task) => (
              <li key={task.entry}>
                <Button
                  className={task === shown ? "task chosen" : "task"}
                  aria-pressed={task === shown}
                  onPress={() => choose(task.entry)}
                >
                  <span className="name">{task.name}</span>
                  <Status task={task} />
                  <span className="said">{task.statusMessage}</span>
                </Button>
              </li>
            ))}
          </ul>
        </section>
        <section className="panel" aria-label="The task">
          {shown === undefined ? (
            <p className="empty">A task shows here.</p>
          ) : (
            <TaskDetails session={session} task={shown} />
          )}
        </section>
        <section className="panel" aria-label="Frames">
          <h2>Frames</h2>
          <FrameList frames={frames} most={100} />
        </section>
      </div>
      <Questions session={session} questions={view.questions} />
    </Page>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Playground />
  </StrictMode>,
);
