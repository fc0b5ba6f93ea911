// What the page does by itself: its address follows the answer, links are copied, pictures are saved as SVG and PNG.
(() => {
  const SCALE = 2; // pixels of a PNG for each unit of a picture

  function answered() {
    const place = document.querySelector("#ms-status-box [data-address]");
    if (place) history.replaceState(null, "", place.dataset.address);
  }

  function opened() {
    if (new URLSearchParams(location.search).has("model")) document.querySelector("#ms-open").click();
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // The picture as a file of its own: in the colours that it has here, whatever the viewer's system prefers.
  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    copy.classList.add(document.querySelector(".dark") ? "dark" : "light");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  }

  function saveAsPng(picture, name) {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = picture.width * SCALE;
      canvas.height = picture.height * SCALE;
      const context = canvas.getContext("2d");
      context.scale(SCALE, SCALE);
      context.drawImage(image, 0, 0, picture.width, picture.height);
      canvas.toBlob((blob) => save(blob, name), "image/png");
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(picture.text);
  }

  function savePicture(button) {
    const place = button.closest(".ms-picture");
    const svg = [...place.querySelectorAll("svg")].find((one) => one.getBoundingClientRect().width) || place.querySelector("svg");
    const picture = standalone(svg);
    const name = `memscan-${button.dataset.picture}.${button.dataset.as}`;
    if (button.dataset.as === "png") saveAsPng(picture, name);
    else save(new Blob([picture.text], { type: "image/svg+xml" }), name);
  }

  async function copy(button) {
    const link = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(link.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here: copy it from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 3000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-picture], button[data-copy]");
    if (button && button.dataset.picture) savePicture(button);
    else if (button) copy(button);
  });

  // The keys of https://www.w3.org/WAI/ARIA/apg/patterns/tabs/, which Gradio's tabs do without.
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest && event.target.closest("#ms-tabs [role=tab]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")].filter((one) => one.offsetParent);
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
    event.preventDefault();
  });

  document.documentElement.lang = "en";
  window.memscan = { answered, opened };
})();
