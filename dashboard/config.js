// Where the page finds the API. The dashboard role of the host answers /config.js itself; this file counts only when
// these pages are served by another web server. Members: apiBase ("https://api.example:8002"), apiKey, ingestBase.
window.DUNETRACE_CONFIG = {};
