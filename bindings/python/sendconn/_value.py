"""Frozen values: what checks find and records say. Named fields, a repr that shows them, equality, as_dict()."""


def plain(value):
    """The value as dicts, lists, words and numbers, all the way down."""
    if isinstance(value, Value):
        return value.as_dict()
    if isinstance(value, (tuple, list)):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {key: plain(element) for key, element in value.items()}
    if isinstance(value, str):
        return str(value)
    return value


def _make(cls, fields):
    return cls(**fields)


class Value:
    """A class with __slots__ for its fields; _defaults has those that need not be given. Fields are given by name."""

    __slots__ = ()
    _defaults = {}

    def __init__(self, **fields):
        for name in self.__slots__:
            if name in fields:
                value = fields.pop(name)
            elif name in self._defaults:
                value = self._defaults[name]
            else:
                raise TypeError(f"{type(self).__name__}() needs the argument {name!r}")
            object.__setattr__(self, name, tuple(value) if isinstance(value, list) else value)
        for name in fields:
            raise TypeError(f"{type(self).__name__}() got the unexpected argument {name!r}")

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} is frozen: use replace({name}=...)")

    def __delattr__(self, name):
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self):
        # What has its default says nothing.
        shown = []
        for name in self.__slots__:
            value = getattr(self, name)
            if name not in self._defaults or self._defaults[name] != value:
                shown.append(f"{name}={str(value)!r}" if isinstance(value, str) else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self):
        return hash((type(self), *(getattr(self, name) for name in self.__slots__)))

    def __reduce__(self):
        return _make, (type(self), {name: getattr(self, name) for name in self.__slots__})

    def replace(self, **fields):
        """The same with other values in these fields."""
        return type(self)(**{**{name: getattr(self, name) for name in self.__slots__}, **fields})

    def as_dict(self):
        """The fields by name; values within become dicts, tuples become lists, enums become words."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}
