/** Tabs as WAI-ARIA has them: one of them is in the order of Tab, the arrows go to the others. */
export function operateTabs(list) {
  const tabs = Array.from(list.children);
  const select = (selected) => {
    for (const tab of tabs) {
      const isSelected = tab === selected;
      tab.setAttribute("aria-selected", String(isSelected));
      tab.tabIndex = isSelected ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isSelected;
    }
    selected.focus();
  };
  list.addEventListener("click", ({ target }) => tabs.includes(target) && select(target));
  list.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) select(tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length]);
  });
}
