"""Training on the page: every quantity of loss.csv is drawn, and what it cost stands on the page beside it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.reporting import synthetic
from tests.reporting.test_page import Outline, view
from xinstruct.files import write_text
from xinstruct.reporting.calls import calls
from xinstruct.reporting.page import calls_html, html, markdown
from xinstruct.reporting.training import costs

CURVE = """step,loss,margin,accuracy,chosen,rejected,learning_rate,grad_norm
1,0.69,0.0,0.0,0.0,0.0,0.0005,3.1
2,0.53,0.39,1.0,0.24,-0.15,0.0004,1.25
"""


def test_all_quantities_of_a_step_are_drawn_on_the_page(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    write_text(tmp_path / "reports/dpo/loss.csv", CURVE)
    result = view(tmp_path)
    sft, dpo = result["curves"]
    assert [title for title, _ in sft.figures] == ["loss"], "what was not recorded is not drawn"
    drawn = {title: str(figure) for title, figure in dpo.figures}
    assert list(drawn) == [
        "loss",
        "rewards of chosen and rejected",
        "margin of rewards",
        "pairs with the chosen one ahead, share",
        "gradient norm",
        "learning rate",
    ]
    rewards = drawn["rewards of chosen and rejected"]
    assert "step 2: chosen 0.24" in rewards and "step 2: rejected -0.15" in rewards
    heights = [float(y) for y in re.findall(r'cy="([0-9.]+)"', rewards)]
    assert heights[1] < heights[0], "a reward that grows goes up"
    page = Outline(html(result)).text
    assert "DPO gradient norm" in page and "rejected -0.15" in markdown(result).replace("\\", "")


def test_cost_per_step_is_on_the_page_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "sft" / "live" / "plots" / "metrics"
    for name, value in (("tokens_per_second", 294.0), ("padding", 0.25), ("memory_gb", 4.2)):
        write_text(folder / f"{name}.tsv", f"step\t{name}\n1\t{value}\n2\t{value}\n3\t{9 * value}\n")
    [panel] = costs(tmp_path)
    assert panel.text == "SFT, median: tokens/s 294, padding, share 0.25, memory, GB 4.2"
    page = Outline(calls_html(calls(tmp_path), [panel])).text
    assert "SFT memory, GB" in page and "step 3: padding 2.25" in page and "No training stage" not in page
