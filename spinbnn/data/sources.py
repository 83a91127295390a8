"""Where the data sets come from: addresses, checksums and licences."""

from __future__ import annotations

from dataclasses import dataclass

from .idx import FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One file to fetch.

    Attributes
    ----------
    name : str
        File name.
    checksum : str
        ``"sha256:..."`` or ``"md5:..."``, as published.
    addresses : tuple of str
        Where it is, in the order in which they are tried.
    """

    name: str
    checksum: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a data set comes from and under which terms.

    Attributes
    ----------
    about, licence, homepage : str
        One line each; the licence as far as the publisher states one.
    folder : str
        Folder below the data root.
    files : tuple of Remote
        What to fetch.
    archive : bool
        True: the one file is an archive, unpacked into ``folder``.
    """

    about: str
    licence: str
    homepage: str
    folder: str
    files: tuple[Remote, ...]
    archive: bool = False


def _idx(addresses: tuple[str, ...], *checksums: str) -> tuple[Remote, ...]:
    """Return the four gzip files in the order of :data:`FILES`."""
    names = [f"{name}.gz" for name in FILES.values()]
    return tuple(
        Remote(name=name, checksum=checksum, addresses=tuple(f"{address}/{name}" for address in addresses))
        for name, checksum in zip(names, checksums, strict=True)
    )


SOURCES: dict[str, Source] = {
    "mnist": Source(
        about="handwritten digits, 60,000 and 10,000 of 28x28",
        licence="CC BY-SA 3.0 (as quoted by others; Y. LeCun, C. Cortes)",
        homepage="http://yann.lecun.com/exdb/mnist/",
        folder="mnist",
        files=_idx(
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist",
            ),
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": Source(
        about="articles of clothing, 60,000 and 10,000 of 28x28",
        licence="MIT (Zalando SE)",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        folder="fashion-mnist",
        files=_idx(
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
            ),
            "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "kmnist": Source(
        about="cursive Japanese characters, 60,000 and 10,000 of 28x28",
        licence="CC BY-SA 4.0 (ROIS-CODH)",
        homepage="https://github.com/rois-codh/kmnist",
        folder="kmnist",
        files=_idx(
            ("https://codh.rois.ac.jp/kmnist/dataset/kmnist", "http://codh.rois.ac.jp/kmnist/dataset/kmnist"),
            "md5:bdb82020997e1d708af4cf47b453dcf7",
            "md5:e144d726b3acfaa3e44228e80efcd344",
            "md5:5c965bf0a639b31b8f53240b1b52f4d7",
            "md5:7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    "cifar-10": Source(
        about="photographs of ten classes, 50,000 and 10,000 of 32x32 RGB",
        licence="none stated; cite A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        folder="cifar-10-batches-bin",
        files=(
            Remote(
                name="cifar-10-binary.tar.gz",
                checksum="md5:c32a1d4ab5d03f1284b67883e8d87530",
                addresses=(
                    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                    "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
                ),
            ),
        ),
        archive=True,
    ),
}
"""The data sets that :func:`~spinbnn.data.downloads.fetch` knows."""
