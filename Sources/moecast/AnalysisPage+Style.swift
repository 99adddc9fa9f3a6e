extension AnalysisPage {
  /// Colours that stay apart for the colour-blind (Okabe and Ito 2008).
  static let style = """
    :root { --paper: #fff; --ink: #1b1f24; --faint: #5b636c; --rule: #d9dee3;
      --line-0: #0072b2; --line-1: #d55e00; --line-2: #009e73; --line-3: #777; }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #14171a; --ink: #e4e8ec; --faint: #9aa4ae; --rule: #31373d;
        --line-0: #56b4e9; --line-1: #e69f00; --line-2: #2fc79a; --line-3: #999; }
    }
    body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
      max-width: 820px; margin: 2rem auto; padding: 0 1rem; }
    h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
    .absent, figcaption { color: var(--faint); }
    figure { margin: 1rem 0; } figcaption { font-size: .85rem; }
    svg { width: 100%; height: auto; display: block; }
    .maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 1rem; }
    .maps figure { max-width: 400px; }
    .text { fill: var(--faint); font-size: 12px; } .grid { stroke: var(--rule); }
    .frame { fill: none; stroke: var(--rule); } .cells { image-rendering: pixelated; }
    polyline, line[class^="line-"] { fill: none; stroke-width: 1.8; }
    .reference { stroke-dasharray: 4 3; } circle.reference { stroke-dasharray: none; }
    .line-0 { stroke: var(--line-0); } .line-1 { stroke: var(--line-1); }
    .line-2 { stroke: var(--line-2); } .line-3 { stroke: var(--line-3); }
    circle.line-0 { fill: var(--line-0); } circle.line-1 { fill: var(--line-1); }
    circle.line-2 { fill: var(--line-2); } circle.line-3 { fill: var(--line-3); }
    table { border-collapse: collapse; width: 100%; font-size: .85rem; margin-top: 1rem;
      font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
    th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--rule); text-align: right;
      white-space: nowrap; }
    th[scope="row"] { text-align: left; font-weight: normal; white-space: pre; }
    """
}
