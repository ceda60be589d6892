import start from "./example.js";

await start();
