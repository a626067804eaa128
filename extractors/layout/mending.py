"""What recognition does to the cells of a line of goods, undone where something proves it.

A rate whose % was read as an 8 is proven by amount and tax; stars around a class of goods, which
are small and get lost, by the official short names of classes; a quantity by price and amount.
"""

from __future__ import annotations

import re
from decimal import Decimal

from rapidfuzz.distance import Hamming

from extractors.layout.page import plain

_CENT = Decimal("0.01")
#: Rates and levy rates in use since 1994, in hundredths.
_RATES = tuple(
    Decimal(rate) / 100
    for rate in ("0.5", "1", "1.5", "2", "3", "4", "5", "6", "9", "10", "11", "13", "16", "17")
)
#: Below this price a misread one fits some whole quantity too easily.
_LEAST_PRICE = Decimal(2)
_MOST_PIECES = 100_000

#: 商品和服务税收分类简称, those that everyday invoices show (国家税务总局公告2017年第45号).
_CLASS_LIST = """
    谷物 豆类 薯类 油料 蔬菜 水果 花卉 茶叶 木材 农产品 畜禽产品 禽蛋 水产品 海水产品 淡水产品 牲畜
    林业产品 渔业产品 中药材 坚果 香料 谷物加工品 肉类加工品 水产加工品 植物油 乳制品 糖果 糕点
    饼干 方便食品 罐头 调味品 冷冻饮品 焙烤食品 熟肉制品 豆制品 蛋制品 淀粉 食盐 营养保健食品
    食品添加剂 其他食品 白酒 啤酒 葡萄酒 软饮料 饮料 饮用水 精制茶 茶制品 卷烟 烟草制品 纺织产品
    棉纱 服装 床上用品 皮革毛皮制品 箱包 家用纺织制成品 羽绒制品 毛皮 地毯 木制品 竹制品 家具
    纸制品 纸浆 印刷品 文具 体育用品 玩具 乐器 工艺品 珠宝首饰 游艺器材 原油 汽油 柴油 成品油
    润滑油 石油制品 燃料油 天然气 液化石油气 煤炭 焦炭 供电 电力 供热 热力 自来水 水冰雪 化学原料
    化学制品 化学试剂 有机化学原料 无机化学原料 化肥 农药 涂料 油墨 颜料 染料 胶粘剂 日用化学品
    洗涤剂 化妆品 美容护肤品 日化用品 化学试剂助剂 橡胶制品 塑料制品 化学纤维 合成材料 炸药
    火工产品 消毒剂 药品 化学药品制剂 中成药 中药饮片 生物化学药品 生物药品 医疗仪器器械 卫生材料
    医用材料 医疗卫生用品 兽药 水泥 混凝土 石灰 石膏 砖瓦 石材 非金属矿石 非金属矿物制品 玻璃
    玻璃制品 陶瓷制品 耐火材料 水泥制品 建筑材料 黑色金属冶炼压延品 有色金属冶炼压延品 钢材
    金属制品 金属工具 五金 紧固件 稀土 稀土氧化物 铝材 钢筋 通用设备 专用设备 机床 阀门 轴承 压缩机
    制冷空调设备 起重设备 风机 衡器 包装机械 工业自动控制系统装置 汽车 乘用车 商用车 客车 货车
    机动车 摩托车 自行车 电动自行车 汽车零部件 机动车零部件 交通运输设备 铁路设备 电动机 变压器
    输配电设备 配电控制设备 电线电缆 电池 蓄电池 照明器具 照明装置 家用电器 家用厨房电器具 电气设备
    家用清洁卫生电器具 家用通风电器具 家用制冷电器具 家用影视设备 家用音视频设备 非电力家用器具
    家用美容保健电器具 电子计算机 计算机配套产品 计算机外部设备 计算机网络设备 移动通信设备
    通信终端设备 通信设备 集成电路 电子元件 电子器件 电子元器件 电子工业设备 音视频设备 视听设备
    敏感元件及传感器 广播电视设备 数据存储设备 信息安全产品 软件 仪器仪表 光学仪器 电子测量仪器
    实验分析仪器 照相器材 复印胶印设备 办公设备 文化用品 文化办公用设备 钟表 安全防护用品
    特种劳动防护用品 劳动防护用品 社会公共安全设备 消防设备 教学仪器 教学用具 日用杂品 其他日用品
    厨房用具 餐具 卫生用品 清洁用品 纸箱 包装物 再生资源 废旧物资 劳务 加工劳务 修理修配劳务
    修理修配 机动车修理 电费 水费 运输服务 交通运输服务 客运服务 陆路运输服务 铁路运输服务
    水路运输服务 航空运输服务 物流辅助服务 装卸搬运服务 仓储服务 收派服务 货运代理服务 代理服务
    邮政服务 快递服务 邮政普遍服务 电信服务 基础电信服务 增值电信服务 建筑服务 工程服务 安装服务
    修缮服务 装饰服务 其他建筑服务 不动产 经营租赁 融资租赁 租赁 不动产租赁 有形动产租赁 金融服务
    贷款服务 保险服务 直接收费金融服务 金融商品转让 经纪代理服务 现代服务 研发和技术服务 研发服务
    技术服务 专业技术服务 合同能源管理服务 信息技术服务 信息系统服务 软件服务 业务流程管理服务
    文化创意服务 设计服务 知识产权服务 广告服务 会展服务 鉴证咨询服务 认证服务 鉴证服务 咨询服务
    广播影视服务 商务辅助服务 企业管理服务 物业管理服务 人力资源服务 安全保护服务 其他现代服务
    生活服务 生产生活服务 生活性服务 文化体育服务 文化服务 体育服务 教育服务 教育医疗服务
    非学历教育服务 学历教育服务 医疗服务 旅游服务 娱乐服务 旅游娱乐服务 餐饮服务 住宿服务
    餐饮住宿服务 居民日常服务 其他生活服务 市内公共交通服务 公共交通运输服务 无形资产 专利技术 商标
    著作权 土地使用权 预付卡销售 印刷服务 劳务派遣服务 停车费 通行费 车船税 供水 排水服务
    污水处理服务 垃圾处理服务 信息服务 印刷品
"""
_CLASSES = frozenset(_CLASS_LIST.split())
_LONGEST_CLASS = max(map(len, _CLASSES))
#: What engines make of a star that stands between Chinese characters.
_STARLIKE = re.compile(r"(?<=[\u4e00-\u9fff)])[°'‘’\"“”×※＊·:](?=[\u4e00-\u9fffA-Za-z0-9(])")
#: ... and of one that begins the cell.
_LEADING = re.compile(r"^[°'‘’\"“”·•.,。，、](?=[\u4e00-\u9fff、]+[*°'‘’\"“”×※＊·])")
_ONE_STAR = re.compile(r"\*?([^*]+)\*([^*].*)")


def goods_classes() -> frozenset[str]:
    """Short names of classes of goods, as they stand between two stars."""
    return _CLASSES


def proven_rate(amount: Decimal, tax: Decimal, off: Decimal = _CENT) -> Decimal | None:
    """The one rate in use by which the amount gives the tax, `off` by that many yuan at most; None
    where none or several do."""
    fitting = [rate for rate in _RATES if abs(amount * rate - tax) <= off]
    return fitting[0] if len(fitting) == 1 else None


def counted(price: Decimal, amount: Decimal) -> Decimal | None:
    """The whole quantity, unread or misread, that makes the price the amount; None unless a
    misread price would hardly fit one."""
    if price < _LEAST_PRICE:
        return None
    quantity = (amount / price).quantize(Decimal(1))
    fits = abs(quantity) >= 1 and abs(price * quantity - amount) <= _CENT
    return quantity if fits and abs(quantity) < _MOST_PIECES else None


def with_stars(name: str) -> str:
    """`*class*name`: small stars get lost or read as other marks. One that is missing before a
    name whose other star is there is set anew; one or both around a class by its known name."""
    text = _LEADING.sub("", name)
    text = _STARLIKE.sub("*", text) if _class_before_mark(text) else text
    text = _with_known_class(text)
    if text.startswith("*") and text.count("*") >= 2:
        return text
    whole = _ONE_STAR.fullmatch(text)
    if whole is not None and re.fullmatch(r"[\u4e00-\u9fff、]+", whole[1]):
        return f"*{whole[1]}*{whole[2]}"
    bare = text.removeprefix("*")
    for length in range(min(_LONGEST_CLASS, len(bare) - 1), 1, -1):
        if bare[:length] in _CLASSES:
            return f"*{bare[:length]}*{bare[length:]}"
    return name


def _with_known_class(name: str) -> str:
    """A long class with one character misread (经营植赁), if it can be only one."""
    found = re.fullmatch(r"[*°'‘’\"“”·]?([\u4e00-\u9fff]{4,})[*°'‘’\"“”·×](.+)", name)
    if found is None or found[1] in _CLASSES:
        return name
    alike = [each for each in _CLASSES if Hamming.distance(each, found[1]) == 1]
    return f"*{alike[0]}*{found[2]}" if len(alike) == 1 else name


def _class_before_mark(name: str) -> bool:
    mark = _STARLIKE.search(name)
    return mark is not None and name[: mark.start()].removeprefix("*") in _CLASSES


def spec(text: str) -> str:
    """Measures as they must have stood: `250m1*16` is millilitres, `°` between figures a star."""
    text = re.sub(r"(?<=\d)m[1I|](?![0-9A-Za-z])", "ml", text)
    return re.sub(r"(?<=[0-9A-Za-z])°(?=\d)", "*", text)


def unit(text: str, *, area: bool = False) -> str:
    """`间·天` loses its dot, which is small; `间天` is no unit. The 2 of ㎡ becomes a ring, a quote
    or nothing, or is all that is left of it (`area`: the column says 面积单位)."""
    bare = plain(text).strip("·.,:;'\"“”‘’-_|")
    if re.fullmatch(r"m[°'’‘\"²2?*]", bare) or (area and bare in ("m", "2")):
        return "㎡"
    if re.fullmatch(r"[间网问][.。·]?天", bare):
        return "间·天"
    return bare if bare != plain(text) else text
