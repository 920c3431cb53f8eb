// What both pages are made of.
import { lazy, type ReactNode, Suspense, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import {
  Button,
  Checkbox,
  Dialog,
  Disclosure,
  DisclosurePanel,
  Heading,
  Input,
  Label,
  Modal,
  ModalOverlay,
  TextArea,
  TextField,
} from "react-aria-components";
import { draw, SIZE } from "./fractal.ts";
import { type Frame, type Frames, framesOf, textOf, titleOf } from "./frames.ts";
import type { Question, Session, TaskView, View } from "./session.ts";
import { choose, chosenTheme, systemTheme } from "./theme.ts";

const SchemaForm = lazy(async () => import("./schema-form.tsx"));

export function useSession(session: Session): View {
  return useSyncExternalStore(session.subscribe, session.view);
}

export function useFrames(frames: Frames): readonly Frame[] {
  return useSyncExternalStore(frames.subscribe, () => frames.all);
}

export function Page({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  const [theme, setTheme] = useState(() => chosenTheme() ?? systemTheme());
  const other = theme === "dark" ? "light" : "dark";
  return (
    <>
      <header className="bar">
        <a className="brand" href="../">
          mcp-longhaul
        </a>
        <nav aria-label="Site">
          <a href="../guides/">Guides</a>
          <a href="../playground/" aria-current={title === "Playground" ? "page" : undefined}>
            Playground
          </a>
          <a href="../console/" aria-current={title === "Console" ? "page" : undefined}>
            Console
          </a>
        </nav>
        <Button
          className="quiet"
          onPress={() => {
            choose(other);
            setTheme(other);
          }}
        >
          {other === "dark" ? "Dark" : "Light"}
        </Button>
      </header>
      <main>{children}</main>
    </>
  );
}

export function Notice({ session, text }: { readonly session: Session; readonly text: string | undefined }): ReactNode {
  return (
    <div role="status" className="notices">
      {text !== undefined && (
        <p className="notice">
          {text}
          <Button className="quiet" onPress={() => session.clearNotice()}>
            Dismiss
          </Button>
        </p>
      )}
    </div>
  );
}

/** A status as a word and a colour. */
export function Status({ task }: { readonly task: TaskView }): ReactNode {
  const status = task.state === "unknown" ? "unknown" : (task.status ?? "working");
  const isFailed = task.error !== undefined || task.result?.["isError"] === true;
  const shown = task.state === "ended" && isFailed ? (task.error?.code ?? "failed") : status;
  return <span className={`status ${isFailed ? "failed" : status}`}>{shown.replaceAll("_", " ")}</span>;
}

export function Questions({
  session,
  questions,
}: {
  readonly session: Session;
  readonly questions: readonly Question[];
}): ReactNode {
  const [question] = questions;
  if (question === undefined) return null;
  const cancel = (): void => question.answer(question.kind === "sampling" ? REFUSED : { action: "cancel" });
  return (
    <ModalOverlay className="overlay" isOpen isDismissable={false} onOpenChange={(isOpen) => !isOpen && cancel()}>
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">{TITLES[question.kind]}</Heading>
          <Asked key={question.id} session={session} question={question} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

const TITLES = {
  form: "A task asks",
  url: "A task wants you to visit a page",
  sampling: "A task asks a model; you answer for it",
} as const;
const REFUSED = { role: "assistant", content: { type: "text", text: "" }, model: "a person", stopReason: "refused" };

function Asked({ question }: { readonly session: Session; readonly question: Question }): ReactNode {
  const { kind, params } = question;
  const message = typeof params["message"] === "string" ? params["message"] : "";
  if (kind === "url") return <Visit question={question} message={message} />;
  if (kind === "sampling") return <Sampling question={question} />;
  return (
    <>
      <p className="message">{message}</p>
      <Suspense fallback={<p>Loading the form …</p>}>
        <SchemaForm
          schema={params["requestedSchema"]}
          submit="Send"
          onSubmit={(content) => question.answer({ action: "accept", content })}
        >
          <Button className="plain" onPress={() => question.answer({ action: "decline" })}>
            Decline
          </Button>
          <Button className="plain" onPress={() => question.answer({ action: "cancel" })}>
            Not now
          </Button>
        </SchemaForm>
      </Suspense>
    </>
  );
}

/** No page is opened before the visitor has seen where it is, and agreed. */
function Visit({ question, message }: { readonly question: Question; readonly message: string }): ReactNode {
  const [agrees, setAgrees] = useState(false);
  const address = safeLink(question.params["url"]);
  return (
    <>
      <p className="message">{message}</p>
      {address === undefined ? (
        <p className="notice">The server names an address that is not opened from here.</p>
      ) : (
        <>
          <p>
            The server wants you to visit <strong>{new URL(address).host}</strong>:
          </p>
          <p className="address">{address}</p>
          <Checkbox className="check" isSelected={agrees} onChange={setAgrees}>
            <span className="box" aria-hidden="true" /> I know this address, and want to open it
          </Checkbox>
        </>
      )}
      <div className="actions">
        {address !== undefined && (
          <Button
            className="main"
            isDisabled={!agrees}
            onPress={() => {
              window.open(address, "_blank", "noopener,noreferrer");
              question.answer({ action: "accept" });
            }}
          >
            Open
          </Button>
        )}
        <Button className="plain" onPress={() => question.answer({ action: "decline" })}>
          Decline
        </Button>
      </div>
    </>
  );
}

function Sampling({ question }: { readonly question: Question }): ReactNode {
  const [text, setText] = useState("");
  const messages = Array.isArray(question.params["messages"]) ? question.params["messages"] : [];
  return (
    <>
      <ol className="messages">
        {messages.slice(0, 50).map((message: unknown, index) => {
          const { role, content } = Object(message) as { role?: unknown; content?: { text?: unknown } };
          return (
            <li key={index}>
              <strong>{String(role)}</strong> {String(content?.text ?? JSON.stringify(content)).slice(0, 5_000)}
            </li>
          );
        })}
      </ol>
      <TextField value={text} onChange={setText}>
        <Label>The model says</Label>
        <TextArea rows={4} />
      </TextField>
      <div className="actions">
        <Button
          className="main"
          onPress={() =>
            question.answer({
              role: "assistant",
              content: { type: "text", text },
              model: "a person",
              stopReason: "endTurn",
            })
          }
        >
          Send
        </Button>
        <Button className="plain" onPress={() => question.answer(REFUSED)}>
          Refuse
        </Button>
      </div>
    </>
  );
}

export function ToolForm({
  schema,
  onSubmit,
  submit,
}: {
  readonly schema: unknown;
  readonly onSubmit: (values: Readonly<Record<string, unknown>>) => void;
  readonly submit: string;
}): ReactNode {
  return (
    <Suspense fallback={<p>Loading the form …</p>}>
      <SchemaForm schema={schema} submit={submit} onSubmit={onSubmit} />
    </Suspense>
  );
}

/** What a task came to, part by part. Nothing that a server says becomes markup. */
export function Result({ result }: { readonly result: Readonly<Record<string, unknown>> }): ReactNode {
  const content = Array.isArray(result["content"]) ? (result["content"] as unknown[]) : [];
  const structured = result["structuredContent"];
  const bands = (Object(structured) as { bands?: unknown }).bands;
  return (
    <div className="result">
      {Array.isArray(bands) && <Picture bands={bands} />}
      {content.slice(0, 100).map((part, index) => (
        <Part key={index} part={Object(part) as Readonly<Record<string, unknown>>} />
      ))}
      {structured !== undefined && !Array.isArray(bands) && <Code text={JSON.stringify(structured, undefined, 2)} />}
    </div>
  );
}

function Part({ part }: { readonly part: Readonly<Record<string, unknown>> }): ReactNode {
  const { type, text, data, mimeType, uri, name } = part;
  if (type === "text") return <pre className="text">{String(text).slice(0, 100_000)}</pre>;
  if (type === "image" && typeof data === "string" && /^image\/(png|jpeg|gif|webp)$/.test(String(mimeType)))
    return <img className="image" alt="Made by the tool" src={`data:${String(mimeType)};base64,${data}`} />;
  if (type === "audio" && typeof data === "string" && /^audio\/[\w.+-]+$/.test(String(mimeType)))
    // biome-ignore lint/a11y/useMediaCaption: what a tool made has no captions
    return <audio controls src={`data:${String(mimeType)};base64,${data}`} />;
  if (type === "resource_link") {
    const address = safeLink(uri);
    const label = String(name ?? uri).slice(0, 500);
    if (address === undefined) return <p className="address">{String(uri).slice(0, 500)}</p>;
    return (
      <p>
        <a href={address} target="_blank" rel="noopener noreferrer">
          {label}
        </a>
      </p>
    );
  }
  return <Code text={JSON.stringify(part, undefined, 2)} />;
}

function Picture({ bands }: { readonly bands: readonly unknown[] }): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, bands);
  }, [bands]);
  return <canvas ref={canvas} className="picture" width={SIZE} height={SIZE} role="img" aria-label="The fractal" />;
}

/** JSON, with a way to take it along. */
export function Code({ text, label = "JSON" }: { readonly text: string; readonly label?: string }): ReactNode {
  const [said, setSaid] = useState("");
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{text.slice(0, 100_000)}</pre>
      </section>
      <Button
        className="quiet"
        onPress={() => {
          navigator.clipboard.writeText(text).then(
            () => setSaid("Copied"),
            () => setSaid("Not copied"),
          );
        }}
      >
        {said === "" ? "Copy" : said}
      </Button>
    </div>
  );
}

/** Offers JSON as a file. */
export function download(name: string, value: unknown): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(value, undefined, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Frames as they pass, the latest first. */
export function FrameList({
  frames,
  most = 200,
}: {
  readonly frames: readonly Frame[];
  readonly most?: number;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <ol className="frames" tabIndex={0} aria-label="Frames, the latest first">
      {frames
        .slice(-most)
        .reverse()
        .map((frame) => (
          <li key={frame.number} className={frame.from}>
            <Disclosure>
              <Heading level={3}>
                <Button slot="trigger" className="frame">
                  <span className="way" aria-hidden="true">
                    {frame.from === "client" ? "→" : "←"}
                  </span>
                  <span>{titleOf(frame)}</span>
                  <time>{new Date(frame.at).toLocaleTimeString()}</time>
                </Button>
              </Heading>
              <DisclosurePanel>
                <Code text={textOf(frame)} label="Frame" />
              </DisclosurePanel>
            </Disclosure>
          </li>
        ))}
    </ol>
  );
}

/** How a task went, moment by moment. */
export function Timeline({ task }: { readonly task: TaskView }): ReactNode {
  const moments = task.moments;
  if (moments.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <ol className="timeline" tabIndex={0} aria-label="How it went">
      {moments.map(({ at, status, message }, index) => {
        const until = moments[index + 1]?.at ?? task.endedAt ?? Date.now();
        return (
          <li key={index}>
            <time>{new Date(at).toLocaleTimeString()}</time>
            <span className={`status ${status}`}>{status.replaceAll("_", " ")}</span>
            <span className="said">{message}</span>
            <span className="lasted">{((until - at) / 1000).toFixed(1)} s</span>
          </li>
        );
      })}
    </ol>
  );
}

export function TaskDetails({ session, task }: { readonly session: Session; readonly task: TaskView }): ReactNode {
  const frames = useFrames(session.frames);
  const taskId = task.reference?.taskId;
  const own = taskId === undefined ? [] : framesOf(frames, taskId);
  const heading = useId();
  return (
    <section className="details" aria-labelledby={heading}>
      <h3 id={heading}>{task.name}</h3>
      <p className="facts">
        <Status task={task} /> {task.reference?.generation} · begun {new Date(task.createdAt).toLocaleString()}
        {task.state === "open" && (task.isHere ? " · followed by this tab" : " · followed by another tab")}
        {task.isHere && (task.isPushed ? ", pushed" : `, read every ${(task.pollInterval ?? 1_000) / 1_000} s`)}
        {task.endsAt !== undefined && ` · it has until ${new Date(task.endsAt).toLocaleTimeString()}`}
      </p>
      {task.state === "unknown" && (
        <p className="notice">
          Nothing tells whether the server has this call. It is not sent again: look at the server, then remove it here.
        </p>
      )}
      {task.error !== undefined && <p className="notice">{task.error.message}</p>}
      {task.result !== undefined && <Result result={task.result} />}
      <Timeline task={task} />
      <div className="actions">
        {task.state === "open" && taskId !== undefined && task.isHere && (
          <>
            <Button className="plain" onPress={() => void session.cancel(taskId)}>
              Cancel the task
            </Button>
            <Button className="plain" onPress={() => session.detach(taskId)}>
              Let go of it
            </Button>
          </>
        )}
        {task.state === "open" && !task.isHere && (
          <Button className="plain" onPress={() => void session.resume()}>
            Follow it here
          </Button>
        )}
        {task.result !== undefined && (
          <Button className="plain" onPress={() => download(`${task.name}.json`, task.result)}>
            Download the result
          </Button>
        )}
        {own.length > 0 && (
          <Button
            className="plain"
            onPress={() => download(`frames-${taskId?.slice(0, 6)}.json`, { task: task.reference, frames: own })}
          >
            Export its frames
          </Button>
        )}
        {task.state !== "open" && (
          <Button className="plain" onPress={() => void session.dismiss(task.entry)}>
            Remove
          </Button>
        )}
      </div>
      <Disclosure>
        <Heading level={4}>
          <Button slot="trigger" className="quiet">
            What was sent
          </Button>
        </Heading>
        <DisclosurePanel>
          <Code text={JSON.stringify(task.params, undefined, 2)} label="What was sent" />
        </DisclosurePanel>
      </Disclosure>
    </section>
  );
}

/** An address that may be opened: `https:` and `http:` alone. */
export function safeLink(address: unknown): string | undefined {
  if (typeof address !== "string" || !URL.canParse(address)) return undefined;
  const { protocol, href } = new URL(address);
  return protocol === "https:" || protocol === "http:" ? href : undefined;
}

export { Input };
