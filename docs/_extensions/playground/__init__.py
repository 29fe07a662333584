"""The page `docs/playground.md`: networks trained when the site is built, drawn by the browser."""
