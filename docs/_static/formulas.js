// Replaces the LaTeX of each formula on the page by the formula. Anchors of equations are kept.
document.addEventListener("DOMContentLoaded", () => {
  for (const formula of document.querySelectorAll("span.math, div.math")) {
    katex.render(formula.textContent, formula, {
      displayMode: formula.tagName === "DIV",
      throwOnError: false, // a mistake is shown in red, and the other formulas are set
    });
  }
});
