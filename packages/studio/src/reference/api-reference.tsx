/** The API as the server describes it: paths, fields, answers. Made of its openapi.json, without anything from elsewhere. */
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app/app.js";
import { type Problem, problemOf } from "../server/problem.js";
import { CopyButton } from "../ui/copy.js";
import { ProblemNotice } from "../ui/notice.js";
import { fieldsOf, type OpenApi, type Operation, type ShownField } from "./openapi.js";

type Read = { api: OpenApi } | { problem: Problem } | undefined;

export function ApiReference() {
  const app = useApp();
  const [read, setRead] = useState<Read>();
  const load = () => {
    setRead(undefined);
    app.api.openApi().then(
      (api) => setRead({ api }),
      (thrown: unknown) => {
        const problem = problemOf(thrown);
        if (problem !== undefined) setRead({ problem });
      },
    );
  };
  useEffect(load, []);
  if (read === undefined) return <p class="note">Reading the server's description</p>;
  if ("problem" in read) return <ProblemNotice problem={read.problem} onRetry={load} />;
  const { api } = read;
  return (
    <div class="reference">
      <section class="card" aria-labelledby="reference">
        <h2 id="reference">{`API ${api.info.version}`}</h2>
        <p>{api.info.description}</p>
        <p class="note">
          The whole description for programs: <a href="/openapi.json">openapi.json</a>
        </p>
      </section>
      {Object.entries(api.paths).flatMap(([path, { get, post }]) => [
        ...(get === undefined ? [] : [<OneRoute key={`get ${path}`} api={api} method="GET" path={path} route={get} />]),
        ...(post === undefined
          ? []
          : [<OneRoute key={`post ${path}`} api={api} method="POST" path={path} route={post} />]),
      ])}
    </div>
  );
}

function OneRoute({ api, method, path, route }: { api: OpenApi; method: string; path: string; route: Operation }) {
  const { summary, parameters = [], requestBody, responses } = route;
  const body = requestBody?.content?.["application/json"]?.schema;
  const types = Object.keys(requestBody?.content ?? {});
  const good = responses["200"];
  const answer = good?.content?.["application/json"]?.schema;
  const command = curlOf(method, path, body !== undefined, types);
  const query = parameters.map(({ name, description = "", schema }) => ({
    ...{ name, description, required: false },
    type: String(schema.type ?? ""),
  }));
  return (
    <details class="card route" aria-label={`${method} ${path}`}>
      <summary>
        <code>
          <b>{method}</b> {path}
        </code>
        <span>{summary}</span>
      </summary>
      <div class="route-inner">
        <p class="command">
          <code>{command}</code>
          <CopyButton text={command} label="Copy the command" small />
        </p>
        {query.length > 0 && <Fields title="In the address" fields={query} />}
        {body !== undefined && <Fields title="Body" fields={fieldsOf(api, body)} />}
        {body === undefined && types.length > 0 && <p>{`The body is a file: ${types.join(", ")}.`}</p>}
        {good?.description !== undefined && <p class="note">{good.description}</p>}
        {answer !== undefined && <Fields title="Answer" fields={fieldsOf(api, answer)} />}
        <Statuses responses={responses} />
      </div>
    </details>
  );
}

function Fields({ title, fields }: { title: string; fields: readonly ShownField[] }) {
  if (fields.length === 0) return null;
  return (
    <section class="fields" aria-label={title}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(({ name, type, required, description }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
                {required && <small> needed</small>}
              </th>
              <td>{type}</td>
              <td>{description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Statuses({ responses }: Pick<Operation, "responses">) {
  const others = Object.entries(responses).filter(([status]) => status !== "200");
  if (others.length === 0) return null;
  return (
    <dl class="kept-facts">
      {others.map(([status, { description }]) => (
        <div key={status}>
          <dt>{status}</dt>
          <dd>{description}</dd>
        </div>
      ))}
    </dl>
  );
}

function curlOf(method: string, path: string, isJson: boolean, types: readonly string[]): string {
  const address = `${location.origin}${path}`;
  if (method === "GET") return `curl ${address}`;
  if (isJson) return `curl ${address} -H 'content-type: application/json' -d @request.json`;
  return `curl ${address} -H 'content-type: ${types.at(-1) ?? "application/octet-stream"}' --data-binary @FILE`;
}
