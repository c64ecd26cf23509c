"""Views that show a flag, as django-waffle's tests call them."""

from django.http import HttpResponse
from django.views import View
from waffle import flag_is_active
from waffle.mixins import WaffleFlagMixin, WaffleSampleMixin, WaffleSwitchMixin


def flag_in_view(request):
    return HttpResponse("on" if flag_is_active(request, "myflag") else "off")


def flag_in_view_readonly(request):
    return HttpResponse("on" if flag_is_active(request, "myflag", read_only=True) else "off")


class Shown(View):
    def get(self, request, *args, **kwargs):
        return HttpResponse("foo")


class FlagView(WaffleFlagMixin, Shown):
    waffle_flag = "foo"


class FlagOffView(WaffleFlagMixin, Shown):
    waffle_flag = "!foo"


class SwitchView(WaffleSwitchMixin, Shown):
    waffle_switch = "foo"


class SwitchOffView(WaffleSwitchMixin, Shown):
    waffle_switch = "!foo"


class SampleView(WaffleSampleMixin, Shown):
    waffle_sample = "foo"


class SampleOffView(WaffleSampleMixin, Shown):
    waffle_sample = "!foo"
