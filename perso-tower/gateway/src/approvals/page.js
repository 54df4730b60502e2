// Lists the calls that wait, and sends what a person decides. All texts of calls go into text nodes, never into markup.

const secret = location.hash.slice(1);
const status = document.getElementById("status");
const list = document.getElementById("calls");
const by = document.getElementById("by");

by.value = localStorage.getItem("by") ?? "";
by.addEventListener("change", () => localStorage.setItem("by", by.value));

/// Shows characters that are invisible or change the direction of text as escapes.
const visible = (text) =>
    text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, (c) => (c === "\n" ? c : `\\u{${c.codePointAt(0).toString(16)}}`));

async function request(path, options = {}) {
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    const response = await fetch(path, { ...options, headers });
    if (!response.ok) throw new Error(await response.text());
    return response;
}

async function decide(id, verdict) {
    if (!by.reportValidity()) return by.focus();
    try {
        await request(`approvals/${id}`, { method: "POST", body: JSON.stringify({ verdict, by: by.value }) });
        await refresh();
        status.textContent = `${verdict === "approve" ? "Approved" : "Denied"}. ${status.textContent}`;
    } catch (error) {
        status.textContent = `That did not work: ${error.message}.`;
    }
    (list.querySelector("button") ?? by).focus();
}

function item({ id, expires_at, call, args }) {
    const node = document.getElementById("call").content.cloneNode(true).firstElementChild;
    node.dataset.id = id;
    node.querySelector("h2").textContent = visible(call.tool);
    const facts = { Caller: call.agent, Session: call.session, Why: call.reason, Rule: call.rule, Limit: call.limit, Until: expires_at };
    for (const [name, text] of Object.entries(facts)) {
        if (!text) continue;
        const [term, value] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = name;
        value.textContent = visible(text);
        node.querySelector("dl").append(term, value);
    }
    node.querySelector("pre").textContent = visible(args);
    for (const verdict of ["approve", "deny"]) {
        const button = node.querySelector(`.${verdict}`);
        button.setAttribute("aria-label", `${verdict === "approve" ? "Approve" : "Deny"} ${visible(call.tool)} by ${visible(call.agent || "someone unknown")}`);
        button.addEventListener("click", () => decide(id, verdict));
    }
    return node;
}

/// Adds what is new and removes what is gone, so that the focus stays where it is.
async function refresh() {
    const waiting = await (await request("approvals")).json();
    const ids = new Set(waiting.map(({ id }) => id));
    for (const node of [...list.children]) if (!ids.has(node.dataset.id)) node.remove();
    const known = new Set([...list.children].map((node) => node.dataset.id));
    for (const call of waiting) if (!known.has(call.id)) list.append(item(call));
    const count = waiting.length;
    const text = count === 0 ? "No calls wait." : count === 1 ? "One call waits." : `${count} calls wait.`;
    if (!status.textContent.endsWith(text)) status.textContent = text;
}

async function loop() {
    try {
        await refresh();
    } catch (error) {
        status.textContent = `The calls cannot be shown: ${error.message}.`;
    }
    setTimeout(loop, 1000);
}

loop();
