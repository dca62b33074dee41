import { describe } from "vitest";
import { requires } from "../support/requires.ts";
import { behave } from "./behaves.ts";
import { frameworksAreThere, howToInstall } from "./project.ts";
import { servers } from "./servers.ts";

const elsewhere = servers.filter(({ runtime, built }) => runtime !== "Node 20" && !built);

describe.runIf(requires(frameworksAreThere, howToInstall))("the application", () => behave(elsewhere));
