// The SQL editor of the workbench: PostgreSQL, completion of the names it is given, a textarea underneath.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { EditorState, RangeSet } from "@codemirror/state";
import { Decoration, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "#1d5fbf" },
  { tag: [tags.string, tags.special(tags.string)], color: "#0b6b50" },
  { tag: [tags.number, tags.bool, tags.null], color: "#8a5300" },
  { tag: tags.comment, color: "#5f6c7e" },
]);

globalThis.sqlEditor = (textarea, { nonce, schema, run, line }) => {
  const view = new EditorView({
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        EditorView.contentAttributes.of({ "aria-label": textarea.getAttribute("aria-label") || "SQL" }),
        keymap.of([
          { key: "Mod-Enter", run: () => (run(), true) },
          ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap,
        ]),
        lineNumbers(), history(), bracketMatching(), closeBrackets(), highlightActiveLine(),
        autocompletion(), sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true }), syntaxHighlighting(colours),
        EditorView.lineWrapping,
        // The line PostgreSQL complained of stays marked until the page is asked again.
        EditorView.decorations.of((view) => line > 0 && line <= view.state.doc.lines
          ? RangeSet.of([Decoration.line({ class: "cm-wrong" }).range(view.state.doc.line(line).from)]) : Decoration.none),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) textarea.value = update.state.doc.toString();
        }),
      ],
    }),
  });
  textarea.hidden = true;
  textarea.after(view.dom);
  return view;
};
