"use strict";
{
  const told = JSON.parse(document.getElementById("told").textContent);
  // In the model's order, which an object would not keep for names that are numbers.
  const columns = told.columns;
  const by = (id) => document.getElementById(id);
  const types = { header: "text/csv", positions: "text/csv", lines: "application/jsonlines" };
  const typeOf = () => types[by("layout").value] ?? "application/json";

  // A field for each column; an empty one is a missing value.
  const fields = new Map();
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  columns.forEach(([name, column], place) => {
    const example = column.examples?.[0] ?? "";
    let field;
    if (column.type.includes("boolean")) {
      field = element("select", {}, ...["", "true", "false"].map((text) => new Option(text || "missing", text)));
      field.value = String(example);
    } else {
      field = element("input", { value: String(example), autocomplete: "off", title: column.description ?? "" });
      if (/number|integer/.test(column.type.join())) field.inputMode = "decimal";
      if (column.type.includes("string") && column.examples) {
        const options = column.examples.map((text) => element("option", { value: text }));
        document.body.append(element("datalist", { id: `known-${place}` }, ...options));
        field.setAttribute("list", `known-${place}`);
      }
    }
    field.name = name;
    fields.set(name, field);
    by("row").append(element("label", {}, element("span", { textContent: name, title: name }), field));
  });

  const valueOf = ([name, column]) => {
    const text = fields.get(name).value;
    if (text === "") return null;
    if (column.type.includes("boolean")) return text === "true";
    // What is no number goes as it is, and the model server says so.
    if (/number|integer/.test(column.type.join())) return text.trim() !== "" && isFinite(text) ? Number(text) : text;
    return text;
  };
  const cell = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const written = () => {
    const names = columns.map(([name]) => name);
    const values = columns.map(valueOf);
    // Not by assignment: a column may be called __proto__.
    const row = Object.fromEntries(columns.map(([name], place) => [name, values[place]]));
    const shown = (value) => JSON.stringify(value, null, 1);
    switch (by("layout").value) {
      case "objects": return shown({ instances: [row] });
      case "lists": return shown({ instances: [values] });
      case "table": return shown({ columns: names, rows: [values] });
      case "header": return `${names.map(cell).join(",")}\n${values.map(cell).join(",")}\n`;
      case "positions": return `${values.map(cell).join(",")}\n`;
      default: return `${JSON.stringify(row)}\n`;
    }
  };

  // The same call for the clients that people have.
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const python = (text) => JSON.stringify(text);
  const calls = {
    "sageloop": (type, accept, body) => `sageloop invoke - --content-type ${type} <<< ${quoted(body.trimEnd())}`,
    "curl": (type, accept, body) =>
      `curl --aws-sigv4 "aws:amz:${told.region}:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\\n` +
      `  -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" -H 'Content-Type: ${type}' -H 'Accept: ${accept}' \\\n` +
      `  --data-binary ${quoted(body)} ${quoted(told.address)}`,
    "awscurl": (type, accept, body) =>
      `awscurl --service execute-api --region ${told.region} -X POST \\\n` +
      `  -H 'Content-Type: ${type}' -H 'Accept: ${accept}' \\\n  -d ${quoted(body)} ${quoted(told.address)}`,
    "Python": (type, accept, body) =>
      `import boto3, urllib3\nfrom botocore.auth import SigV4Auth\nfrom botocore.awsrequest import AWSRequest\n\n` +
      `url = ${python(told.address)}\nbody = ${python(body)}.encode()\n` +
      `request = AWSRequest("POST", url, data=body, headers={"Content-Type": "${type}", "Accept": "${accept}"})\n` +
      `SigV4Auth(boto3.Session().get_credentials(), "execute-api", "${told.region}").add_auth(request)\n` +
      `answer = urllib3.request("POST", url, body=body, headers=dict(request.headers))\nprint(answer.status, answer.data.decode())`,
  };
  let client = "sageloop";
  const showCall = () => {
    by("call").textContent = calls[client](typeOf(), by("accept").value, by("body").value);
  };
  for (const name of Object.keys(calls)) {
    const choice = element("button", { type: "button", textContent: name, ariaPressed: String(name === client) });
    choice.addEventListener("click", () => {
      client = name;
      for (const other of by("clients").children) other.ariaPressed = String(other === choice);
      showCall();
    });
    by("clients").append(choice);
  }

  const write = () => {
    by("body").value = written();
    showCall();
  };
  by("row").addEventListener("input", write);
  by("row").addEventListener("submit", (event) => event.preventDefault());
  by("layout").addEventListener("change", write);
  by("accept").addEventListener("change", showCall);
  by("body").addEventListener("input", showCall);
  by("copy").addEventListener("click", () => navigator.clipboard.writeText(by("call").textContent));
  by("document").href = URL.createObjectURL(
    new Blob([JSON.stringify(told.document, null, 1)], { type: "application/json" }));

  const mark = (column) => {
    for (const [name, field] of fields) field.parentElement.classList.toggle("wrong", name === column);
  };
  by("send")?.addEventListener("click", async () => {
    const began = performance.now();
    by("send").disabled = true;
    mark(null);
    try {
      const answer = await fetch("/predict", {
        method: "POST",
        headers: { "Content-Type": typeOf(), Accept: by("accept").value, "X-Sageloop-Page": told.secret },
        body: by("body").value,
      });
      const text = await answer.text();
      const model = answer.headers.get("X-Amzn-SageMaker-Custom-Attributes");
      by("status").textContent = [answer.status, `${Math.round(performance.now() - began)} ms`, model].filter(Boolean).join(" · ");
      by("status").className = answer.ok ? "good" : "bad";
      by("said").textContent = text.trimEnd();
      try {
        const refusal = JSON.parse(text);
        if (!answer.ok && refusal.column !== undefined) mark(refusal.column);
      } catch { /* CSV, or a sentence: shown as it is */ }
    } catch {
      by("status").textContent = "No answer: the command that showed this page has ended.";
      by("status").className = "bad";
      by("said").textContent = "";
    }
    by("answer").hidden = false;
    by("send").disabled = false;
  });
  write();
}
