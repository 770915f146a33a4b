"use strict";
document.documentElement.classList.add("scripted");

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.order === undefined ? cell.textContent : Number(cell.dataset.order);
  };
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.textContent = "";
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sorted = rows.slice().sort((one, other) => {
        const a = value(one, column), b = value(other, column);
        if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;  // what was not measured comes last
        const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true});
        return down ? -order : order;
      });
      body.append(...sorted);
    });
  });
}

const markCut = () => {
  for (const box of document.querySelectorAll(".scroll")) box.classList.toggle("cut", box.scrollWidth > box.clientWidth + 1);
};
addEventListener("resize", markCut);
document.addEventListener("toggle", markCut, true);  // of details that were opened
markCut();

for (const walk of document.querySelectorAll(".walk")) {
  const film = walk.querySelector(".film"), picture = film.querySelector("img");
  const slider = walk.querySelector("input"), play = walk.querySelector("button"), out = walk.querySelector("output");
  const frames = Number(slider.max) + 1, width = Number(film.dataset.width);
  let timer = null;
  film.style.width = `${width}px`;
  const show = () => {
    picture.style.transform = `translateX(${-(100 * Number(slider.value)) / frames}%)`;
    out.textContent = `${Number(slider.value) + 1} of ${frames}`;
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  slider.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => {
    if (timer !== null) return stop();
    play.textContent = "Stop";
    timer = setInterval(() => { slider.value = (Number(slider.value) + 1) % frames; show(); }, 250);
  });
  show();
}
