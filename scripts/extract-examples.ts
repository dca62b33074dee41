import { extractExamples } from "../tests/examples/extract.ts";

extractExamples();
