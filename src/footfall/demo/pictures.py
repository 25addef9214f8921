"""The products' pictures, drawn here: one shape for each kind of thing, in the colours of its style."""

from typing import Final

from footfall.demo.catalog import DemoProduct

_SHAPES: Final = {
    "Shirt": """
      <path fill="{colour}" d="M150 104 L112 122 L66 178 L100 206 L122 184 V304 H278 V184 L300 206 L334 178 L288 122 L250 104
        Q200 148 150 104Z"/>
      <path fill="none" stroke="{shade}" stroke-width="6" stroke-linecap="round" d="M150 104 Q200 148 250 104 M200 136 V304"/>
      <g fill="{ground}"><circle cx="200" cy="172" r="4"/><circle cx="200" cy="208" r="4"/><circle cx="200" cy="244" r="4"/></g>""",
    "Beanie": """
      <circle cx="200" cy="104" r="24" fill="{shade}"/>
      <path fill="{colour}" d="M98 246 C98 156 144 116 200 116 C256 116 302 156 302 246Z"/>
      <path fill="none" stroke="{shade}" stroke-width="5" opacity=".45" d="M148 246 C146 184 164 138 184 120 M200 246 V118 M252 246
        C254 184 236 138 216 120"/>
      <rect x="84" y="238" width="232" height="56" rx="22" fill="{shade}"/>""",
    "Jacket": """
      <path fill="{colour}" d="M148 92 L106 112 L70 250 L106 262 L124 196 V318 H276 V196 L294 262 L330 250 L294 112 L252 92Z"/>
      <path fill="{shade}" d="M148 92 L200 150 L252 92 L236 84 H164Z"/>
      <path stroke="{ground}" stroke-width="5" stroke-dasharray="8 6" d="M200 150 V318"/>
      <g fill="{shade}"><rect x="140" y="232" width="44" height="42" rx="5"/><rect x="216" y="232" width="44" height="42" rx="5"/></g>""",
    "Socks": """
      <g><path fill="{colour}" d="M120 88 H186 V216 C186 236 196 244 220 254 C252 268 250 310 214 310 H168 C138 310 120 292 120
        262Z"/><path fill="{shade}" d="M120 88 H186 V124 H120Z M206 310 h8 c36 0 38 -42 6 -56 c-22 10 -26 36 -14 56Z"/></g>
      <g transform="translate(74 10)" opacity=".82"><path fill="{colour}" d="M120 88 H186 V216 C186 236 196 244 220 254 C252 268 250 310
        214 310 H168 C138 310 120 292 120 262Z"/><path fill="{shade}" d="M120 88 H186 V124 H120Z"/></g>""",
    "Mug": """
      <path fill="none" stroke="{shade}" stroke-width="20" d="M264 162 H292 C330 162 330 238 292 238 H258"/>
      <path fill="{colour}" d="M108 130 H270 V268 C270 296 252 310 226 310 H152 C126 310 108 296 108 268Z"/>
      <ellipse cx="189" cy="130" rx="81" ry="16" fill="{shade}"/>
      <path fill="none" stroke="{shade}" stroke-width="6" stroke-linecap="round" opacity=".5" d="M164 96 q-14 -18 0 -36 M204 96 q14 -18 0 -36"/>""",
    "Blanket": """
      <rect x="84" y="132" width="232" height="60" rx="14" fill="{colour}"/>
      <rect x="84" y="196" width="232" height="60" rx="14" fill="{shade}"/>
      <rect x="84" y="260" width="232" height="46" rx="14" fill="{colour}"/>
      <path stroke="{ground}" stroke-width="6" opacity=".7" d="M122 132 V192 M144 132 V192 M256 132 V192 M278 132 V192"/>""",
    "Lamp": """
      <path fill="{shade}" d="M194 206 h12 v94 h-12Z M146 300 h108 a10 10 0 0 1 10 14 h-128 a10 10 0 0 1 10 -14Z"/>
      <path fill="{colour}" d="M162 92 H238 L290 210 H110Z"/>
      <path fill="#fff3c4" opacity=".8" d="M124 210 H276 L318 300 H264 L254 300 H146 L136 300 H82Z"/>""",
    "Notebook": """
      <rect x="116" y="86" width="176" height="228" rx="10" fill="{colour}"/>
      <rect x="116" y="86" width="30" height="228" rx="10" fill="{shade}"/>
      <rect x="172" y="124" width="92" height="54" rx="5" fill="{ground}"/>
      <path stroke="{shade}" stroke-width="5" stroke-linecap="round" d="M186 142 H250 M186 160 H228"/>
      <path fill="{shade}" d="M250 286 h16 v46 l-8 -9 l-8 9Z"/>""",
    "Backpack": """
      <path fill="none" stroke="{shade}" stroke-width="12" d="M172 104 C172 70 228 70 228 104"/>
      <path fill="{colour}" d="M116 160 C116 116 146 98 200 98 C254 98 284 116 284 160 V292 C284 308 274 318 258 318 H142 C126 318 116 308 116
        292Z"/>
      <rect x="142" y="216" width="116" height="78" rx="12" fill="{shade}"/>
      <path stroke="{ground}" stroke-width="5" stroke-linecap="round" d="M158 240 H242 M148 164 H252"/>""",
    "Bottle": """
      <rect x="172" y="68" width="56" height="34" rx="8" fill="{shade}"/>
      <path fill="{colour}" d="M170 106 H230 C230 136 256 142 256 176 V300 C256 316 246 326 230 326 H170 C154 326 144 316 144 300 V176 C144 142
        170 136 170 106Z"/>
      <rect x="144" y="210" width="112" height="56" fill="{shade}"/>
      <path stroke="{ground}" stroke-width="8" stroke-linecap="round" opacity=".55" d="M164 182 V306"/>""",
}


def picture(product: DemoProduct) -> str:
    """The picture of a product, as SVG."""
    style = product.style
    shape = _SHAPES[product.kind].format(colour=style.colour, shade=style.shade, ground=style.ground)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img" aria-label="{product.title}">'
        f'<rect width="400" height="400" fill="{style.ground}"/>'
        f'<ellipse cx="200" cy="336" rx="118" ry="14" fill="{style.shade}" opacity=".14"/>{shape}\n</svg>\n'
    )
