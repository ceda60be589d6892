"""Serves the recipe for Django, as a project's own files would. Arguments: the port."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["localhost"], SECRET_KEY="of a test", DEBUG=False)
django.setup()


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), server_class=Server).serve_forever()
