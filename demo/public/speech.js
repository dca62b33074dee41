const said = document.getElementById("said");
const trouble = document.getElementById("trouble");

/** Tells those who listen to the page what changed: a state, never each step of a bar. */
export function say(text) {
  said.textContent = text;
}

/** Shows what went wrong, until something else does or it is dismissed. */
export function complain(error) {
  const text = error instanceof TypeError ? "The server does not answer. Is it running?" : error.message;
  const dismiss = Object.assign(document.createElement("button"), {
    className: "button small",
    textContent: "Dismiss",
  });
  dismiss.addEventListener("click", () => (trouble.hidden = true));
  trouble.replaceChildren(text, " ", dismiss);
  trouble.hidden = false;
}

/** Runs an action of the page. What it throws is shown, never lost. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(error);
  }
}

/** What a server said of an error, or its status. */
export async function errorOf(response) {
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const said = isJson ? (await response.json()).error : undefined;
  return new Error(said ?? `${response.status} ${response.statusText}`);
}
