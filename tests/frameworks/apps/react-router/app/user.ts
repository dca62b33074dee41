import { createContext } from "react-router";

export const userContext = createContext<string | undefined>(undefined);
