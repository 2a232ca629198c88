import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeCodeFromAddress } from "./api/sign-in.ts";
import { App } from "./app.tsx";
import { createSettings, localStorageOrNone } from "./state/settings.ts";
import "./styles/index.css";

const settings = createSettings(localStorageOrNone());
const code = takeCodeFromAddress();
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App settings={settings} code={code} />
    </StrictMode>,
  );
}
