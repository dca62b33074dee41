import { errorOf, say } from "./speech.js";

const measured = document.getElementById("measured");
const report = document.getElementById("diagnosis");

/** The CPU time of the application, as it serves and with nothing to help it. */
export async function measure(button) {
  measured.textContent = "Downloading …";
  const { downloads, served, byTheApplication } = await (await posted("/measurement", button)).json();
  measured.textContent = `${downloads} downloads cost the application ${served} ms of CPU time; sending every byte itself, ${byTheApplication} ms.`;
}

export async function diagnose(button) {
  report.hidden = false;
  report.textContent = "Asking …";
  report.textContent = await (await posted("/diagnosis", button)).text();
  say("The doctor's report is there");
}

async function posted(url, button) {
  button.disabled = true;
  try {
    const response = await fetch(url, { method: "POST" });
    if (!response.ok) throw await errorOf(response);
    return response;
  } finally {
    button.disabled = false;
    button.focus();
  }
}
