// Texts whose contrast with what lies behind them is less than WCAG 2.2, level AA, asks for (4.5, large ones 3). What is
// painted on a canvas, as the cells of tables and plots, has no text that could be measured.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // A slider writes its value beside its handle, which it is a part of.
  const behind = (element) => {
    const layers = [];
    const from = element.closest("[data-testid=stSliderThumbValue]")?.closest("[data-testid=stSlider]") ?? element;
    for (let e = from; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const faded = (element) => {
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    return opacity;
  };
  const NOT_READ = "[disabled], [aria-disabled=true], [aria-hidden=true], [data-testid=stIconMaterial], noscript, style, script";
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim();
    const element = texts.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!text || element.closest(NOT_READ) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const opacity = faded(element);
    if (opacity === 0) continue;
    const [r, g, b, a] = rgba(style.color);
    const under = behind(element);
    const pair = [luminance(over([r, g, b, a * opacity], under)), luminance(under)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const asked = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < asked) found.push({ text: text.slice(0, 60), ratio: Math.round(ratio * 100) / 100, asked });
  }
  return found;
}
