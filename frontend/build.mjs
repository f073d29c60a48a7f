// Build the vendored scripts and their manifest: name, versions, licences, sha256.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUT = new URL("../portal/static/vendor/", import.meta.url);
const SCRIPTS = {
  "htmx.js": { entry: "node_modules/htmx.org/dist/htmx.js", packages: ["htmx.org"] },
  "charts.js": { entry: "charts.js", packages: ["echarts", "zrender", "tslib"] },
  "editor.js": {
    entry: "editor.js",
    packages: [
      "@codemirror/autocomplete", "@codemirror/commands", "@codemirror/lang-sql", "@codemirror/language", "@codemirror/state",
      "@codemirror/view", "@lezer/common", "@lezer/highlight", "@lezer/lr", "@marijn/find-cluster-break", "crelt", "style-mod", "w3c-keyname",
    ],
  },
};

const manifest = {};
for (const [name, { entry, packages }] of Object.entries(SCRIPTS)) {
  const outfile = new URL(name, OUT).pathname;
  await build({
    entryPoints: [entry], outfile, bundle: entry !== SCRIPTS["htmx.js"].entry, minify: true, format: "iife",
    target: "chrome80", legalComments: "inline", charset: "utf8",
  });
  const used = packages.map((each) => {
    const told = JSON.parse(readFileSync(`node_modules/${each}/package.json`));
    return { name: each, version: told.version, licence: told.license };
  });
  manifest[name] = { sha256: createHash("sha256").update(readFileSync(outfile)).digest("hex"), packages: used };
}
writeFileSync(new URL("manifest.json", OUT), JSON.stringify(manifest, null, 2) + "\n");
