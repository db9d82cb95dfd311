"""Consultas de PromQL al azar, bien formadas y casi siempre con sentido, para comparar dos evaluadores.

Cada estrategia da un texto de un tipo: vector, escalar o trozo de historia. Lo que en el propio Prometheus depende
del orden de un mapa de Go (y cambia de una vez a otra) no se genera: empates de `topk` sobre resultados sin orden,
y varianzas de ellos. Las funciones cuyo último bit depende de la biblioteca matemática van solo por fuera.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

METRICS = ("c_total", "g", "f", "d", "h_bucket", "h_count", "h_sum", "info", "w_bucket")
_LABELS = {"p": ("a", "b", "c"), "k": ("x", "y", "z"), "version": ("1", "2")}
_NUMBERS = (
    "0", "1", "-1", "2", "0.5", "3.25", "-2.5", "10", "1e3", "0x1F", "Inf", "-Inf", "NaN", "1e-3", "7",
    ".5", "5.", "+3", "1m", "1m30s", "500ms",
)  # fmt: skip
_EXACT = ("abs", "ceil", "floor", "sgn", "-", "sort", "sort_desc", "timestamp", "round", "sqrt")
_DATES = ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
_MATH = (
    "exp", "ln", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "deg", "rad",
)  # fmt: skip
_OVER_RANGE = (
    "rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets", "avg_over_time", "sum_over_time",
    "min_over_time", "max_over_time", "count_over_time", "first_over_time", "last_over_time",
    "present_over_time", "stddev_over_time", "stdvar_over_time",
)  # fmt: skip
_SPANS = ("1ms", "12s", "60", "0.5", "33s", "45s", "1m", "1m30s", "90s", "2m", "2m", "150s", "3m500ms", "6m")
_STEPS = ("5s", "7s", "11s", "20s", "30s", "")
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")


_VECTORS = (
    *("selector",) * 2, *("over_range",) * 4, *("aggregation",) * 4, *("operation",) * 3, "chain",
    "labels", "histogram", "exact", "date", "tie", "pair", "other",
)  # fmt: skip


def _one(*options: str) -> SearchStrategy[str]:
    return st.sampled_from(options)


def _quoted(text: str) -> SearchStrategy[str]:
    """`text` escrito de una de las maneras en que se puede escribir un texto."""
    first = f'"\\x{ord(text[0]):02x}{text[1:]}"' if text[:1].isalpha() else f'"{text}"'
    return _one(f'"{text}"', f'"{text}"', f"'{text}'", f"`{text}`", first)


@st.composite
def _matchers(draw: DrawFn) -> str:
    found = []
    # Cada etiqueta una vez (o dos con `!=`): con dos condiciones, las etiquetas que inventa `absent` dependen del
    # orden en que el índice de Prometheus haya reordenado las condiciones.
    for label in draw(st.lists(_one("p", "k", "le", "version", "no"), max_size=2, unique=True)):
        value = draw(_one(*_LABELS.get(label, ("1.0", "", "0.5"))))
        op = draw(_one("=", "!=", "!=", "=~", "=~", "!~"))
        if op in ("=~", "!~"):
            value = draw(_one(value, f"{value}|b", ".*", ".+", "[a-x]", "", f"({value}|z)?", "(?i)A|X", "[^a]"))
        name = f'"{label}"' if draw(st.sampled_from(range(10))) == 0 else label
        found.append(f"{name}{op}{draw(_quoted(value))}")
    if found and draw(st.sampled_from(range(8))) == 0:
        found += ['p!="a"', 'p!="c"']
    comma = draw(_one("", "", ","))
    return "{" + ", ".join(found) + comma + "}" if found and draw(st.booleans()) else ""


@st.composite
def _shift(draw: DrawFn, moments: tuple[float, ...]) -> str:
    kind = draw(st.sampled_from(range(10) if moments else (0, 9)))
    if kind == 0:
        return f" {draw(_one('offset', 'OFFSET'))} {draw(_one('13s', '1m', '-20s', '500ms', '30', '- 1m'))}"
    if kind == 1:
        return f" @ {draw(st.sampled_from(moments)):.3f}"
    if kind == 2:
        at = draw(_one("start()", "end()"))
        return draw(_one(f" @ {at}", f" @ {at} offset 30s", f" offset -30s @ {at}"))
    return ""


@st.composite
def selectors(draw: DrawFn, moments: tuple[float, ...]) -> str:
    """Un selector, a veces con `offset` o `@`, y a veces por expresión regular sobre el nombre."""
    kind = draw(st.sampled_from(range(15)))
    if kind == 0:
        return '{__name__=~"' + draw(_one("c_total|g", "h_.*", "f|d")) + '"}' + draw(_shift(moments))
    if kind == 1:
        name = draw(_one(*METRICS))
        return draw(_one(f'{{"{name}"}}', f'{{"{name}", p="a"}}', f'{{p!="b", __name__="{name}"}}')) + draw(
            _shift(moments)
        )
    return draw(_one(*METRICS)) + draw(_matchers()) + draw(_shift(moments))


@st.composite
def _plain_range(draw: DrawFn, moments: tuple[float, ...]) -> str:
    name, span = draw(_one(*METRICS)) + draw(_matchers()), draw(_one(*_SPANS))
    return f"{name}[{span}]" + draw(_shift(moments))


@st.composite
def ranges(draw: DrawFn, moments: tuple[float, ...], depth: int) -> str:
    """Un trozo de historia: un selector con `[…]`, o una subconsulta."""
    if depth <= 0 or draw(st.sampled_from(range(4))):
        return draw(_plain_range(moments))
    # Dentro de una subconsulta con `@` no va otra `@`: si a su vez está en otra subconsulta, Prometheus 3.16
    # corrige dos veces la hora, y lo que tenía una hora fija cambia de valor.
    shift = draw(_shift(moments))
    inner = draw(vectors(() if "@" in shift else moments, depth - 1, stepped=True))
    span, step = draw(_one("20s", "1m", "90s", "2m")), draw(_one(*_STEPS))
    return f"({inner})[{span}:{step}]{shift}"


@st.composite
def _over_range(draw: DrawFn, moments: tuple[float, ...], depth: int) -> str:
    argument = draw(ranges(moments, depth))
    kind = draw(st.sampled_from(range(10)))
    if kind == 0:
        return f"quantile_over_time({draw(_parameter('0', '0.3', '0.5', '1', '-1', '2', 'NaN'))}, {argument})"
    if kind == 1:
        return f"predict_linear({argument}, {draw(_parameter('60', '-30', '0.5', '1h'))})"
    if kind == 2:
        return f"absent_over_time({argument})"
    return f"{draw(_one(*_OVER_RANGE))}({argument})"


@st.composite
def _ordered(draw: DrawFn, moments: tuple[float, ...]) -> str:
    """Un vector que Prometheus da siempre en el mismo orden."""
    if draw(st.booleans()):
        return draw(selectors(moments))
    function = draw(_one(*_OVER_RANGE))
    return f"{function}({draw(_plain_range(moments))})"


@st.composite
def _grouping(draw: DrawFn) -> str:
    kind = draw(_one("", "by", "without", "BY"))
    labels = draw(_one("p", "k", "p, k", "le", "", "version", "p, le", "p,", '"k"'))
    return f" {kind} ({labels})" if kind else ""


@st.composite
def _parameter(draw: DrawFn, *numbers: str) -> str:
    """Un número que no siempre está escrito: a veces lo dan los datos, y cambia de un instante a otro."""
    if draw(st.sampled_from(range(4))):
        return draw(_one(*numbers))
    return draw(_one('scalar(f{p="a"})', 'scalar(f{p="b"})', "time() % 3", 'scalar(f{p="a"}) / 2'))


@st.composite
def aggregations(draw: DrawFn, moments: tuple[float, ...], depth: int, stepped: bool) -> str:
    """`sum by (p) (…)`, `topk(2, …)`, `count_values("v", …)`…"""
    op = draw(_one("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile", "top", "values"))
    grouping = draw(_grouping())
    loose = op in ("min", "max", "count", "group", "quantile") or (op in ("sum", "avg") and not stepped)
    inner = draw(vectors(moments, depth - 1, stepped=stepped) if loose else _ordered(moments))
    # Con `@` en el vector, Prometheus 3.16 da por fija toda la agregación, y no vuelve a mirar el parámetro.
    parameter = _one if "@" in inner else _parameter
    if op == "top":
        op = draw(_one("topk", "bottomk"))
        inner = f"{draw(parameter('0', '1', '2', '3', '5', '2.7', '-1', 'NaN', 'Inf'))}, {inner}"
    elif op == "quantile":
        inner = f"{draw(parameter('0', '0.25', '0.5', '1', '1.1', '-0.1', 'NaN'))}, {inner}"
    elif op == "values":
        op, inner = "count_values", f'"{draw(_one("v", "p", "le", ""))}", {inner}'
    return f"{op}({inner}){grouping}" if draw(st.booleans()) else f"{op}{grouping} ({inner})"


@st.composite
def _matching(draw: DrawFn, *, sets: bool) -> str:
    kind = draw(st.sampled_from(range(4)))
    if kind == 0:
        return ""
    words = draw(_one("on", "ignoring")) + f"({draw(_one('p', 'k', 'p, k', 'le', '', 'version, k, le'))})"
    if not sets and draw(st.booleans()):
        extra = draw(_one("()", "()", "(version)", "(k)", "(p)", "(version, k)"))
        words += f" {draw(_one('group_left', 'group_right'))}{extra}"
    return words


@st.composite
def operations(draw: DrawFn, moments: tuple[float, ...], depth: int, stepped: bool) -> str:
    """Una operación con al menos un vector."""
    left = draw(vectors(moments, depth - 1, stepped=stepped))
    kind = draw(st.sampled_from(range(8)))
    if kind <= 1:
        right = draw(vectors(moments, depth - 1, stepped=stepped))
        return f"({left}) {draw(_one('and', 'or', 'unless'))} {draw(_matching(sets=True))} ({right})"
    op = draw(_one("+", "-", "*", "/", "%", *_COMPARISONS))
    bool_ = " bool" if op in _COMPARISONS and draw(st.booleans()) else ""
    if kind <= 4:
        number = draw(scalars(moments, depth - 1, stepped=stepped))
        return f"({left}) {op}{bool_} ({number})" if draw(st.booleans()) else f"({number}) {op}{bool_} ({left})"
    # Del mismo selector a menudo: si no, casi nunca hay con quién emparejarse.
    right = left if draw(st.sampled_from(range(3))) == 0 else draw(vectors(moments, depth - 1, stepped=stepped))
    if draw(st.booleans()):
        right = f"sum by ({draw(_one('p', 'k', 'p, k', 'version, p'))}) ({draw(_ordered(moments))})"
    return f"({left}) {op}{bool_} {draw(_matching(sets=False))} ({right})"


@st.composite
def _chains(draw: DrawFn, moments: tuple[float, ...]) -> str:
    """Varias operaciones sin paréntesis: cuál va antes lo dice la gramática."""
    # De las mismas etiquetas a menudo: si no, casi nunca hay con quién emparejarse.
    alike, words = _one("c_total", "g"), []
    for _ in range(draw(st.integers(2, 4))):
        sign = draw(_one("", "", "", "-", "+", "- -"))
        words.append(sign + draw(st.one_of(_one("2", "0.5", "3", "1m"), alike, alike, selectors(moments))))
        words.append(draw(_one("+", "-", "*", "/", "%", *_COMPARISONS, "> bool", "and", "or", "unless", "AND")))
    return " ".join([*words, draw(alike)])


@st.composite
def _labels(draw: DrawFn, moments: tuple[float, ...], depth: int, stepped: bool) -> str:
    inner = draw(vectors(moments, depth - 1, stepped=stepped))
    if draw(st.booleans()):
        target, source = draw(_one("n", "p", "k", "__name__", "")), draw(_one("p", "k", "le", "__name__", "no"))
        template = draw(_one("$1", "x-$1-$2", "${1}z", "$0", "", "fijo", "$$1", "$01", "$1_", "$n-${n}"))
        pattern = draw(_one("(.*)", "(a|b)", "([a-z])(.?)", "", "(.).*", "x", "(", "(?P<n>.)", "(?i)(A)"))
        return f'label_replace({inner}, "{target}", "{template}", "{source}", "{pattern}")'
    words = ", ".join(f'"{one}"' for one in draw(st.lists(_one("p", "k", "le", "no"), max_size=3)))
    target, separator = draw(_one("n", "p", "k")), draw(_one("-", "", "/"))
    return f'label_join({inner}, "{target}", "{separator}"{", " + words if words else ""})'


@st.composite
def _histograms(draw: DrawFn, moments: tuple[float, ...]) -> str:
    function = draw(_one("rate", "increase", "delta"))
    buckets = draw(
        st.one_of(
            _one("h_bucket", "w_bucket"),
            _one("1m", "2m", "5m").map(lambda span: f"{function}(h_bucket[{span}])"),
            _one("1m", "5m").map(lambda span: f"{function}(w_bucket[{span}])"),
            _one("le", "p, le").map(lambda by: f"sum by ({by}) (rate(h_bucket[2m]))"),
            selectors(moments),
        )
    )
    if draw(st.sampled_from(range(4))) == 0:
        low = draw(_parameter("0", "0.2", "-Inf", "1", "NaN", "-1"))
        high = draw(_parameter("0.5", "1", "5", "Inf", "0", "-1"))
        return f"histogram_fraction({low}, {high}, {buckets})"
    q = draw(_parameter("0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"))
    return f"histogram_quantile({q}, {buckets})"


@st.composite
def _dates(draw: DrawFn, moments: tuple[float, ...]) -> str:
    return f"{draw(_one(*_DATES))}({draw(st.one_of(_one('', 'd', 'd - 86400 * 30'), selectors(moments)))})"


@st.composite
def _ties(draw: DrawFn, moments: tuple[float, ...]) -> str:
    """Muchos elementos y pocos valores: quién entra y quién no lo decide el empate."""
    many = draw(_one("info", "f", '{__name__=~"f|info"}', "h_bucket"))
    if draw(st.booleans()):
        many = f"changes({draw(_one('c_total', 'g', 'h_bucket'))}[{draw(_one('33s', '1m'))}])"
    return f"{draw(_one('topk', 'bottomk'))}{draw(_grouping())} ({draw(st.integers(2, 8))}, {many})"


@st.composite
def _pairs(draw: DrawFn, moments: tuple[float, ...]) -> str:
    """Emparejar lo que a menudo está repetido, con comparaciones que descartan."""
    left, right = draw(_one("c_total", "g", "f", "info")), draw(_one("f", "info", "g", "h_count"))
    words = draw(_one("on(p)", "ignoring(k)", "ignoring(k, version)", "on(p) group_left()", "on(p) group_right()"))
    return f"{left}{draw(_matchers())} {draw(_one(*_COMPARISONS, '+', '/'))} {words} {right}{draw(_matchers())}"


_RARE = {"date": _dates, "tie": _ties, "pair": _pairs, "chain": _chains}


@st.composite
def vectors(draw: DrawFn, moments: tuple[float, ...], depth: int, stepped: bool = False) -> str:  # noqa: C901
    """Una expresión que da un vector. `stepped`: se va a calcular en varios instantes."""
    kind = draw(_one(*_VECTORS))
    if depth <= 0 or kind == "selector":
        return draw(selectors(moments))
    if kind == "over_range":
        return draw(_over_range(moments, depth - 1))
    if kind == "aggregation":
        return draw(aggregations(moments, depth, stepped))
    if kind == "operation":
        return draw(operations(moments, depth, stepped))
    if kind == "labels":
        return draw(_labels(moments, depth, stepped))
    if kind == "histogram":
        return draw(_histograms(moments))
    if kind in _RARE:
        return draw(_RARE[kind](moments))
    inner = draw(vectors(moments, depth - 1, stepped=stepped))
    if kind == "exact":
        return f"{draw(_one(*_EXACT))}({inner})"
    choice = draw(st.sampled_from(range(6)))
    number = draw(_one(*_NUMBERS))
    if choice == 0:
        return f"absent({inner})"
    if choice == 1:
        return f"vector({draw(scalars(moments, depth - 1, stepped=stepped))})"
    if choice == 2:
        return f"clamp({inner}, {draw(_parameter(number))}, {draw(_parameter(*_NUMBERS))})"
    if choice == 3:
        return f"{draw(_one('clamp_min', 'clamp_max'))}({inner}, {number})"
    if choice == 4:
        return f"round({inner}, {draw(_parameter('0.1', '5', '0', '0.3', '-2', 'Inf'))})"
    return f"histogram_{draw(_one('count', 'sum', 'avg', 'stddev', 'stdvar'))}({inner})"


@st.composite
def scalars(draw: DrawFn, moments: tuple[float, ...], depth: int, stepped: bool = False) -> str:
    """Una expresión que da un número."""
    kind = draw(st.sampled_from(range(10)))
    if depth <= 0 or kind <= 5:
        return draw(_one(*_NUMBERS, "time()", "pi()"))
    if kind <= 7:
        return f"scalar({draw(vectors(moments, depth - 1, stepped=stepped))})"
    left, right = (draw(scalars(moments, depth - 1, stepped=stepped)) for _ in range(2))
    op = draw(_one("+", "-", "*", "/", "%", *(f"{one} bool" for one in _COMPARISONS)))
    return f"({left}) {op} ({right})"


_BROKEN = (
    "sum(", "c_total[", "c_total[5m", "rate(c_total)", "sum(c_total[1m])", "1 == 1", "c_total and 1",
    'g{p=~"("}', "topk(g, g)", "abs(1)", "no_existe(g)", "g offset", "g @ x", "{}", '{p=~".*"}',
    "g + on(p) group_left group_right g", '-"x"', '"x" + 1', "sum by p (g)", "histogram_quantile(g, g)",
    "rate(g[0s])", "g bool 1", "1 + bool 1", "label_replace(g, 1, 2, 3, 4)", "vector(g)", "scalar(1)", "g[1m:",
    "g[1m:0s]", "count_values(1, g)", "c_total[1m] + 1", "quantile(0.5)", "absent(1)", "g unless bool g",
    "g > bool on(p) g", "clamp(g, 1)", "round(g, 1, 2)", "", "()", "sum()", "rate(rate(g[1m]))", "(g[1m])[1m:]",
    "g[1m][1m]", "g offset 1", "year(1)", "time(1)", "predict_linear(g[1m])",
    'c_total{__name__="g"}', "g @ end() [1m]", "-g[1m:]", "sum_over_time(time()[1m:10s])", "!g", "0b1", "g.h",
    "g + on(p) group_left(p) f", "g @ start() @ end()", "g offset 1m offset 1m", "topk(1, 2)", "'a", "g{p='a\"}",
    "g and bool f", "g + on(p) group_left (f)", "sum by (p) by (k) (g)", 'count_values("v", 1)', "g{p=a}",
)  # fmt: skip


@st.composite
def queries(draw: DrawFn, moments: tuple[float, ...], stepped: bool) -> str:
    """Una consulta entera: casi siempre de un tipo que se puede pedir; de vez en cuando, rota a propósito."""
    kind = draw(_one("broken", "scalar", "range", "text", *("function", "power") * 2, *("vector",) * 23))
    if kind == "broken":
        return draw(_one(*_BROKEN))
    if kind == "text":
        return draw(_one('"a"', "'ñ\\n'", "`\\n`", '"\\u00e9\\x41\\101"'))
    if kind == "scalar":
        return draw(scalars(moments, 3, stepped=stepped))
    if kind == "range" and not stepped:
        return draw(ranges(moments, 2))
    inner = draw(vectors(moments, 4, stepped=stepped))
    if kind == "function":
        return f"{draw(_one(*_MATH))}({inner})"
    if kind == "power":
        op = draw(_one("^", "atan2"))
        number = f"{op} {draw(_parameter('2', '0.5', '-1', '3', '0', 'Inf'))}"
        both = f"{op} {draw(_one('', 'on(p)', 'ignoring(k)', 'on(p) group_left()'))} ({draw(_ordered(moments))})"
        return f"{draw(_one(f'({inner})', '-' + draw(selectors(moments))))} {draw(_one(number, both))}"
    return inner + draw(_one("", "", "", " # y ya está", "\n"))
