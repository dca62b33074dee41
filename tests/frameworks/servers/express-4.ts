import express from "express-4";
import { serveExpress } from "../express.ts";

serveExpress(express as never, "*");
