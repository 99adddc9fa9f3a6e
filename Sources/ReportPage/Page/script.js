(() => {
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { id: "tip" }));
  const say = (text, event) => {
    tip.textContent = text;
    tip.style.opacity = text ? 1 : 0;
    if (!text) return;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(innerWidth - width - 4, event.clientX + 14)) + "px";
    tip.style.top = (event.clientY > height + 20 ? event.clientY - height - 12 : event.clientY + 18) + "px";
  };
  // Browsers' own titles come late and not at all under a finger.
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  // The shade under the pointer, read from the image's own pixels.
  const pixels = new WeakMap();
  const shades = (image) => {
    const href = image.getAttribute("href"), known = pixels.get(image);
    if (known && known.href === href) return known;
    const fresh = { href, data: null };
    pixels.set(image, fresh);
    const picture = new Image();
    picture.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0);
      fresh.data = context.getImageData(0, 0, picture.width, picture.height);
    };
    picture.src = href;
    return fresh;
  };
  const cell = (image, event) => {
    const box = image.getBoundingClientRect(), data = image.dataset;
    const row = Math.min(data.rows - 1, Math.floor((event.clientY - box.top) / box.height * data.rows));
    const column = Math.min(data.columns - 1, Math.floor((event.clientX - box.left) / box.width * data.columns));
    if (row < 0 || column < 0) return "";
    const [low, high] = data.range.split(" ").map(Number), { data: map } = shades(image);
    const name = (names, at) => names ? names.split("|")[at] : at;
    const place = `${data.row} ${name(data.rowNames, row)}, ${data.column} ${name(data.columnNames, column)}`;
    if (!map) return place;
    const step = Number(data.step), shade = map.data[4 * (Math.floor(row / step) * map.width + Math.floor(column / step))] / 255;
    return `${place}: about ${Number((low + shade * (high - low)).toPrecision(2))}${data.unit}`;
  };
  const point = (event) => {
    const target = event.target.closest("[data-tip], image[data-rows]");
    say(!target ? "" : target.dataset.tip || cell(target, event), event);
  };
  addEventListener("pointermove", point);
  addEventListener("pointerdown", point);
  addEventListener("scroll", () => say(""), { passive: true });

  // One layer for all maps and charts of observations.
  const bar = document.querySelector(".layers"), stored = document.getElementById("maps");
  if (!bar || !stored) return;
  const maps = JSON.parse(stored.textContent), layers = maps.layers;
  const slider = bar.querySelector("input"), shown = bar.querySelector("output");
  const nearest = (list, layer) => list.reduce((best, one, at) => Math.abs(one - layer) < Math.abs(list[best] - layer) ? at : best, 0);
  const choose = (place) => {
    const layer = layers[place];
    slider.value = place;
    shown.textContent = "layer " + layer;
    for (const [id, map] of Object.entries(maps.maps)) {
      const figure = document.getElementById(id), at = nearest(map.layers, layer);
      if (!figure) continue;
      figure.querySelector("image[data-rows]").setAttribute("href", maps.prefix + map.images[at]);
      figure.querySelector(".which").textContent = "layer " + map.layers[at];
    }
    for (const svg of document.querySelectorAll("svg[data-layer0]")) {
      const cursor = svg.querySelector(".cursor"), x = Number(svg.dataset.layer0) + layer * svg.dataset.step;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    }
  };
  slider.max = layers.length - 1;
  slider.addEventListener("input", () => choose(Number(slider.value)));
  for (const button of bar.querySelectorAll("button"))
    button.addEventListener("click", () => choose(Math.max(0, Math.min(layers.length - 1, Number(slider.value) + Number(button.value)))));
  // A click into a chart by layer chooses the layer there.
  for (const svg of document.querySelectorAll("svg[data-layer0]"))
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      choose(nearest(layers, (x - svg.dataset.layer0) / svg.dataset.step));
    });
  bar.hidden = false;
  choose(nearest(layers, maps.shown));
})();
