import { createRequestHandler } from "@react-router/express";
import compression from "compression";
import express from "express";
import * as build from "./build/server/index.js";

const app = express();
app.disable("etag");
app.use(compression());
app.use(createRequestHandler({ build }));
app.listen(Number(process.env["PORT"]), "127.0.0.1");
