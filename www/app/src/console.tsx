// The console: the tasks of any server, in a browser.
import { type ReactNode, StrictMode, useEffect, useMemo, useState } from "react";
import {
  Button,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  ListLayout,
  SearchField,
  TextField,
  Virtualizer,
} from "react-aria-components";
import { createRoot } from "react-dom/client";
import { WorkerServer } from "./bridge.ts";
import { BrowserOAuth, returned } from "./oauth.ts";
import {
  FrameList,
  Notice,
  Page,
  Questions,
  safeLink,
  Status,
  TaskDetails,
  ToolForm,
  useFrames,
  useSession,
} from "./parts.tsx";
import { Session, type TaskView, textOf, type Tool } from "./session.ts";

const session = new Session("console");
const PLAYGROUND = "playground:";
const LAST = "console:server";
const playground = new WorkerServer(
  () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "playground" }),
);

async function connect(server: string, token: string, code?: string): Promise<void> {
  localStorage.setItem(LAST, server);
  if (server === PLAYGROUND) {
    playground.start();
    return session.connect(
      new URL("../playground-server/mcp", location.href),
      { fetch: playground.fetch },
      "2026-07-28",
    );
  }
  const url = new URL(server);
  const authProvider = token === "" ? new BrowserOAuth(url.href) : undefined;
  if (authProvider !== undefined && code !== undefined) {
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const transport = new StreamableHTTPClientTransport(url, { authProvider });
    await transport.finishAuth(code);
  }
  try {
    await session.connect(url, {
      ...(authProvider !== undefined && { authProvider }),
      ...(token !== "" && { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
    });
  } catch (error) {
    // The visitor is on the way to the authorization server.
    if (!(error instanceof Error && error.name === "UnauthorizedError")) throw error;
  }
}

function Connect(): ReactNode {
  const view = useSession(session);
  const [server, setServer] = useState(localStorage.getItem(LAST) ?? "");
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const isOpen = view.phase === "open";
  const go = (to: string): void => {
    setError(undefined);
    if (to !== PLAYGROUND && safeLink(to) === undefined) return setError("An address begins with https:// or http://.");
    connect(to, token).catch((cause: unknown) => setError(textOf(cause)));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    const back = returned();
    if (back !== undefined) connect(back.server, "", back.code).catch((cause: unknown) => setError(textOf(cause)));
    else if (localStorage.getItem(LAST) === PLAYGROUND) go(PLAYGROUND);
  }, []);
  return (
    <section className="panel connect" aria-label="The server">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go(server);
        }}
      >
        <TextField value={server === PLAYGROUND ? "" : server} onChange={setServer} type="url" inputMode="url">
          <Label>Server, by Streamable HTTP</Label>
          <Input placeholder="https://example.com/mcp" />
        </TextField>
        <TextField value={token} onChange={setToken} type="password" autoComplete="off">
          <Label>Token, if it takes one</Label>
          <Input />
        </TextField>
        <div className="actions">
          <Button type="submit" className="main" isDisabled={view.phase === "connecting"}>
            Connect
          </Button>
          <Button className="plain" onPress={() => go(PLAYGROUND)}>
            Use the playground's server
          </Button>
          {isOpen && (
            <Button className="plain" onPress={() => void session.disconnect()}>
              Disconnect
            </Button>
          )}
        </div>
      </form>
      <p className="facts" role="status">
        {view.phase === "open" && (
          <>
            <span className="status completed">connected</span> {view.server} {view.generation}
          </>
        )}
        {view.phase === "connecting" && "Connecting …"}
        {view.phase === "closed" && "Not connected. What is kept here shows below all the same."}
        {view.phase === "failed" && <span className="status failed">not connected</span>}
      </p>
      {error !== undefined && (
        <p className="notice" role="alert">
          {error}
        </p>
      )}
    </section>
  );
}

function Tools({ tools }: { readonly tools: readonly Tool[] }): ReactNode {
  const [name, setName] = useState<string>();
  const tool = tools.find((one) => one.name === name);
  return (
    <section className="panel" aria-label="Tools">
      <h2>Tools</h2>
      {tools.length === 0 && <p className="empty">A server's tools show here once it is connected.</p>}
      <ul className="tools">
        {tools.map((one) => (
          <li key={one.name}>
            <Button
              className={one.name === name ? "tool chosen" : "tool"}
              aria-expanded={one.name === name}
              onPress={() => setName(one.name === name ? undefined : one.name)}
            >
              <span className="name">{one.title}</span>
              {one.taskSupport !== undefined && one.taskSupport !== "forbidden" && (
                <span className="status working">{one.taskSupport === "required" ? "a task" : "may be a task"}</span>
              )}
            </Button>
            {one === tool && (
              <div className="run">
                <p>{one.description}</p>
                <ToolForm
                  schema={one.inputSchema}
                  submit="Run"
                  onSubmit={(values) => void session.run(one.name, values)}
                />
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const FILTERS = ["all", "open", "asks", "ended", "unknown"] as const;
type Filter = (typeof FILTERS)[number];

function fits(task: TaskView, filter: Filter, words: string): boolean {
  if (words !== "" && !JSON.stringify([task.name, task.params, task.statusMessage]).toLowerCase().includes(words))
    return false;
  if (filter === "all") return true;
  return filter === "asks" ? task.status === "input_required" && task.state === "open" : task.state === filter;
}

function Tasks({ tasks }: { readonly tasks: readonly TaskView[] }): ReactNode {
  const [words, setWords] = useState("");
  const [filter, setFilter] = useState<Filter>("all");
  const [chosen, choose] = useState<string>();
  const shown = useMemo(
    () => tasks.filter((task) => fits(task, filter, words.trim().toLowerCase())),
    [tasks, filter, words],
  );
  const task = tasks.find(({ entry }) => entry === chosen);
  return (
    <>
      <section className="panel" aria-label="Tasks">
        <h2>
          Tasks <span className="count">{shown.length}</span>
        </h2>
        <div className="filters">
          <SearchField value={words} onChange={setWords} aria-label="Search tasks">
            <Input placeholder="Search" />
          </SearchField>
          <fieldset aria-label="Which tasks" className="choices">
            {FILTERS.map((one) => (
              <Button
                key={one}
                className={one === filter ? "choice chosen" : "choice"}
                aria-pressed={one === filter}
                onPress={() => setFilter(one)}
              >
                {one}
              </Button>
            ))}
          </fieldset>
        </div>
        {shown.length === 0 && <p className="empty">No tasks here.</p>}
        <Virtualizer layout={ListLayout} layoutOptions={{ rowHeight: 60 }}>
          <ListBox
            className="list"
            aria-label="Tasks"
            items={shown.map((one) => ({ ...one, id: one.entry }))}
            selectionMode="single"
            selectedKeys={chosen === undefined ? [] : [chosen]}
            onSelectionChange={(keys) => choose(keys === "all" ? undefined : ([...keys][0] as string | undefined))}
          >
            {(one) => (
              <ListBoxItem className="task" textValue={one.name}>
                <span className="name">{one.name}</span>
                <Status task={one} />
                <span className="said">{one.statusMessage ?? new Date(one.createdAt).toLocaleString()}</span>
              </ListBoxItem>
            )}
          </ListBox>
        </Virtualizer>
      </section>
      <section className="panel" aria-label="The task">
        {task === undefined ? (
          <p className="empty">Choose a task to see how it goes.</p>
        ) : (
          <TaskDetails session={session} task={task} />
        )}
      </section>
    </>
  );
}

function Traffic(): ReactNode {
  const frames = useFrames(session.frames);
  return (
    <section className="panel" aria-label="Frames">
      <h2>Frames</h2>
      {frames.length === 0 ? <p className="empty">Frames show here as they pass.</p> : <FrameList frames={frames} />}
    </section>
  );
}

function Console(): ReactNode {
  const view = useSession(session);
  return (
    <Page title="Console">
      <h1 className="small">Console</h1>
      <Connect />
      <Notice session={session} text={view.notice} />
      <div className="stage four">
        <Tools tools={view.tools} />
        <Tasks tasks={view.tasks} />
        <Traffic />
      </div>
      <Questions session={session} questions={view.questions} />
    </Page>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Console />
  </StrictMode>,
);
