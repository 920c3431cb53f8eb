// What `--help` says. The exit codes are those of exit.ts.
import { NAME } from "../name.ts";

export const HELP = `${NAME}: the tasks of MCP servers, at the terminal

  npx ${NAME} tasks COMMAND --url https://… | --stdio "command …"

Commands
  tools                 what the server has, and what of it becomes a task
  call TOOL             call a tool, follow its task, answer its questions, print its result
  list                  the tasks that the server lists; where it lists none, those made from here
  status ID…            how tasks are now
  follow ID…            follow tasks to their end, as \`call\` does
  answer ID             answer what a task asks, and leave it
  result ID             wait for a task, and print nothing but its result
  cancel ID…            cancel tasks

On a store, for operators (beside running servers; SQLite, PostgreSQL, Redis)
  --store sqlite:FILE | postgres://… | redis://…   or MCP_LONGHAUL_STORE with --store env
                        pg, redis and, before Node 22.5, better-sqlite3 are installed beside:
                        npx -p ${NAME} -p pg ${NAME} tasks list --store postgres://…
  --prefix TEXT         the store's \`tablePrefix\` or \`prefix\`, where it is not the default
  list, count           the tasks of all owners, and how many by tool and state;
                        --owner, --tool, --status (repeated), --older SECONDS, list --limit N
  status, result ID…    a task with all that is known of it, and its result
  cancel ID…            end tasks as cancelled; who runs them hears of it
  purge ID…             delete tasks that have ended; with --older, all of them that old
  --owner OWNER         also says whose the ids are, where not all owners are to be looked through

The server
  --url ADDRESS         over Streamable HTTP
  --stdio "COMMAND"     one command; the server is started, and ended afterwards
  --token TOKEN         sent as "Authorization: Bearer …", over https: or to this machine alone.
                        Better set MCP_LONGHAUL_TOKEN: who lists processes sees arguments.
  --header "Name: value"   sent along; can be repeated
  --legacy              speak the older generation (2025-11-25) though the server has the newer

For call
  --arg NAME=VALUE      one argument; its type is the tool's. Can be repeated
  --args JSON           all of them as one object; @FILE reads a file, - reads stdin
  --ttl SECONDS         how long the server is to keep the task (2025-11-25)
  --key KEY             16 to 128 random characters of A-Z a-z 0-9 _ -: the same call with the same
                        key finds the first one's task, where the server runs ${NAME}
  --detach              do not wait: print the task and end

Questions
  At a terminal you are asked. In scripts (no terminal, or --json) say what to answer; what is
  not answered stays open, and the exit code is 3.
  --answer FIELD=JSON   for the field of a form; each answers one question. Can be repeated
  --decline             decline what --answer does not answer
  A page that a question wants to be opened is shown, and never opened.

More
  --json                one JSON object a line on stdout: {"event":"task"|"tool"|"question"|
                        "answer"|"result"|"error", …}
  --timeout SECONDS     stop following after that; the task goes on
  --state FOLDER        where tasks are remembered. Default: ${NAME} in $XDG_STATE_HOME or
                        ~/.local/state
  --verbose             also what the server's process writes to stderr, and what went wrong beside
  --version, --help

Ctrl-C stops following; the task goes on. \`cancel\` cancels.

Exit codes
  0  done                             4    the task was cancelled
  1  the task or its tool failed      5    there is no such task (any more)
  2  wrong usage                      6    the server is not reached, or refuses
  3  a question waits for an answer   7    --timeout is over      130  Ctrl-C

Examples
  See what there is, and call it:
    npx ${NAME} tasks tools --stdio "node server.js"
    npx ${NAME} tasks call render --arg width=3840 --stdio "node server.js"
  Start it now, look at it later:
    export MCP_LONGHAUL_TOKEN=…
    npx ${NAME} tasks call report --args @report.json --detach --url https://example.com/mcp
    npx ${NAME} tasks list --url https://example.com/mcp
    npx ${NAME} tasks follow 5nUPhGAHWrH10aBHMBzAqi8D --url https://example.com/mcp
  In a script:
    npx ${NAME} tasks call deploy --answer confirm=true --json --url … | jq 'select(.event == "result")'
`;
