import { defineConfig } from "vitest/config";

// The server serves ../static as it is. `CEPHKIT=http://127.0.0.1:PORT npm run dev` passes requests on to a running server.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or styles
    modulePreload: { polyfill: false },
  },
  server: process.env.CEPHKIT ? { proxy: { "/api": process.env.CEPHKIT } } : {},
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
